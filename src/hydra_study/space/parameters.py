"""A parameter of a space, searched, fixed or computed, and its Optuna distribution."""

import re
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.types import (
    IntervalSweep,
    Override,
    Quote,
    QuotedString,
    RangeSweep,
    Sweep,
)
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import create_trial

from hydra_study.errors import StudyError
from hydra_study.space.expressions import Expression

VARIABLE = "$"
_WORD = re.compile(r"[A-Za-z_][\w./@+-]*")
_RESERVED = {"true", "false", "null", "nan", "inf"}


@dataclass(frozen=True)
class Parameter:
    """A key of the config (or a `$variable` of the search) and the source of its value.

    Attributes:
        name: The key without `+`, as in Optuna, tables and expressions.
        key: The key as in overrides, with `+`, `++` or `~`.
        distribution: Distribution of a searched parameter, else None.
        texts: (type, value) of each choice of a categorical -> its text in an override.
        fixed: Text of a fixed parameter's override.
        value: Value of a fixed parameter, for expressions.
        compute: Expression of a computed parameter.
        when: Condition under which the parameter exists.
    """

    name: str
    key: str
    distribution: BaseDistribution | None = None
    texts: dict[Any, str] | None = None
    fixed: str | None = None
    value: Any = None
    compute: Expression | None = None
    when: Expression | None = None

    def override(self, value: Any) -> str | None:
        """Return the override that gives the parameter this value; None for a variable."""
        if self.name.startswith(VARIABLE):
            return None
        if self.key.startswith("~"):
            return self.key if self.fixed is None else f"{self.key}={self.fixed}"
        if self.fixed is not None:
            return f"{self.key}={self.fixed}"
        text = (
            None
            if self.texts is None or isinstance(value, list)
            else self.texts.get((type(value), value))
        )
        return f"{self.key}={override_text(value) if text is None else text}"

    def describe(self) -> dict[str, Any]:
        """Return the definition of the parameter as plain data, to compare spaces."""
        if self.fixed is not None or self.key.startswith("~"):
            what: dict[str, Any] = {"fixed": self.fixed}
        elif self.compute is not None:
            what = {"compute": self.compute.text}
        else:
            what = _describe_distribution(self.distribution)
        return what if self.when is None else {**what, "when": self.when.text}


def override_text(value: Any) -> str:
    """Return `value` in Hydra's override grammar, quoted if a string would be parsed otherwise."""
    if isinstance(value, str):
        plain = _WORD.fullmatch(value) and value.lower() not in _RESERVED
        return value if plain else QuotedString(value, Quote.single).with_quotes()
    if isinstance(value, (list, tuple)):
        return f"[{','.join(override_text(item) for item in value)}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{override_text(item)}" for key, item in value.items()) + "}"
    return "null" if value is None else str(value)


def holds(distribution: BaseDistribution, value: Any) -> bool:
    """Return whether a parameter can have a value."""
    try:
        create_trial(value=0.0, params={"value": value}, distributions={"value": distribution})
    except (ValueError, TypeError):
        return False
    return True


def _describe_distribution(distribution: BaseDistribution | None) -> dict[str, Any]:
    if isinstance(distribution, CategoricalDistribution):
        return {"choices": list(distribution.choices)}
    assert isinstance(distribution, (IntDistribution, FloatDistribution))
    kind = "int" if isinstance(distribution, IntDistribution) else "float"
    what: dict[str, Any] = {"kind": kind, "low": distribution.low, "high": distribution.high}
    if distribution.log:
        what["log"] = True
    if distribution.step not in (None, 1):
        what["step"] = distribution.step
    return what


def distribution_of(override: Override) -> tuple[BaseDistribution, dict[Any, str] | None]:
    """Return the Optuna distribution of a sweep override, and the texts of its choices.

    Raises:
        StudyError: The sweep has no values, or is logarithmic with values that are not positive.
    """
    value = override.value()
    log = isinstance(value, Sweep) and "log" in value.tags
    try:
        if isinstance(value, IntervalSweep):
            return _interval(value, log), None
        if isinstance(value, RangeSweep):
            return _range(value, log), None
        return _choice(override)
    except ValueError as error:
        raise StudyError(
            f"the sweep {override.input_line!r} cannot be searched: {error}"
        ) from error


def _interval(sweep: IntervalSweep, log: bool) -> BaseDistribution:
    assert sweep.start is not None
    assert sweep.end is not None
    if isinstance(sweep.start, int) and isinstance(sweep.end, int):
        return IntDistribution(sweep.start, sweep.end, log=log)
    return FloatDistribution(float(sweep.start), float(sweep.end), log=log)


def _range(sweep: RangeSweep, log: bool) -> BaseDistribution:
    points = [float(point) for point in sweep.range()]
    if not points:
        raise ValueError("a range must hold at least one value (its stop is exclusive)")
    if all(isinstance(edge, int) for edge in (sweep.start, sweep.stop, sweep.step)):
        low, high = int(min(points)), int(max(points))
        return IntDistribution(low, high, log=log, step=1 if log else abs(int(sweep.step)))
    if log:
        return FloatDistribution(min(points), max(points), log=True)
    return FloatDistribution(min(points), max(points), step=abs(float(sweep.step)))


def _choice(override: Override) -> tuple[BaseDistribution, dict[Any, str]]:
    texts: dict[Any, str] = {}
    choices = []
    for element in override.sweep_iterator():
        plain = _unquote(element)
        text = override_text(plain)
        value = plain if plain is None or isinstance(plain, (bool, int, float, str)) else text
        if (type(value), value) not in texts:
            choices.append(value)
            texts[(type(value), value)] = text
    if not choices:
        raise ValueError("a choice must have at least one value")
    return CategoricalDistribution(choices), texts


def _unquote(value: Any) -> Any:
    """Return a value of Hydra's grammar with plain strings in place of `QuotedString`."""
    if isinstance(value, QuotedString):
        return value.text
    if isinstance(value, list):
        return [_unquote(item) for item in value]
    if isinstance(value, dict):
        return {_unquote(key): _unquote(item) for key, item in value.items()}
    return value
