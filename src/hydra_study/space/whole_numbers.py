"""Refuse float intervals for integer keys: Hydra also parses `interval(8,32)` as floats."""

from collections.abc import Callable

from omegaconf import DictConfig, OmegaConf
from optuna.distributions import BaseDistribution, FloatDistribution

from hydra_study.errors import StudyError
from hydra_study.space.space import Point, Space


def refuse_floats(space: Space, point: Point, compose: Callable[[list[str]], DictConfig]) -> None:
    """Refuse an interval between whole numbers for a key whose value is an integer.

    Bounds such as 0.3, or a value such as 0.0, show that floats are meant.

    Args:
        space: The space.
        point: One of its points; keys that do not exist there are not checked.
        compose: Returns the config of some overrides.

    Raises:
        StudyError: There is such an interval.
    """
    intervals = {
        p.name: p
        for p in space.parameters
        if p.name in point.values and _is_between_whole_numbers(p.distribution)
    }
    if not intervals:
        return  # composing would take some tenths of a second
    drawn = {parameter.override(point.values[name]) for name, parameter in intervals.items()}
    config = compose([text for text in point.overrides if text not in drawn])
    for name, parameter in intervals.items():
        held = OmegaConf.select(config, name, throw_on_resolution_failure=False)
        if isinstance(held, int) and not isinstance(held, bool):
            rule = (
                f"a key that holds a whole number must be searched over whole numbers, but {name}"
                f" is {held}"
            )
            raise StudyError(f"{rule} and {_remedy(parameter.key, parameter.distribution, held)}")


def _is_between_whole_numbers(distribution: BaseDistribution | None) -> bool:
    if not isinstance(distribution, FloatDistribution) or distribution.step is not None:
        return False
    return distribution.low.is_integer() and distribution.high.is_integer()


def _remedy(key: str, distribution: BaseDistribution | None, held: int) -> str:
    assert isinstance(distribution, FloatDistribution)
    low, high = int(distribution.low), int(distribution.high)
    texts = [f"int(interval({low},{high}))", f"range({low},{high + 1})"]
    given = f"interval({low},{high})"
    if distribution.log:
        given, *texts = (f"tag(log, {text})" for text in (given, *texts))
    whole = " or ".join(f"{key}={text}" for text in texts)
    return (
        f"{given} gives floats; write {whole}, or let the config say {held}.0 if floats are meant"
    )
