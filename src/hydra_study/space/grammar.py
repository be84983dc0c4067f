"""Parse `hydra.sweeper.params` and the command line, in Hydra's override grammar."""

from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override

from hydra_study.errors import StudyError
from hydra_study.space.expressions import Expression
from hydra_study.space.parameters import VARIABLE, Parameter, distribution_of, override_text
from hydra_study.space.space import Space
from hydra_study.sweep_spec import SweepSpec

_KEYS = {"values", "when", "compute"}


def parse_parameters(
    params: Mapping[str, Any], arguments: Sequence[str], loader: ConfigLoader
) -> list[Parameter]:
    """Return the parameters of a space; the command line takes precedence over the config.

    Args:
        params: Key -> text in the override grammar, a plain value, or a mapping with `values`,
            `when`, `compute`.
        arguments: Overrides of the command line.
        loader: Resolves `glob(*)` to the options of a config group.

    Raises:
        StudyError: An entry has none of these forms.
    """
    parser = OverridesParser.create(config_loader=loader)
    entries = {key: _entry(key, value) for key, value in params.items()}
    for override in parser.parse_overrides(list(arguments)):
        key = override.get_key_element()
        entries.setdefault(key, {})["override"] = override
        entries[key].pop("compute", None)
    for key, entry in entries.items():
        if "override" not in entry and "compute" not in entry:
            entry["override"] = parser.parse_overrides([f"{key}={entry['values']}"])[0]
    names = {_name(key) for key in entries}
    return [_parameter(key, entry, names - {_name(key)}) for key, entry in entries.items()]


def _name(key: str) -> str:
    return key.lstrip("+~")


def _entry(key: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        return {"values": value if isinstance(value, str) else override_text(value)}
    unknown = set(value) - _KEYS
    if unknown or ("values" in value) == ("compute" in value):
        rule = "must have `values` or `compute`, and may have `when`"
        raise StudyError(
            f"hydra.sweeper.params: the mapping of {key!r} {rule}, but got {sorted(value)}"
        )
    entry = dict(value)
    if isinstance(entry.get("values"), Sequence) and not isinstance(entry["values"], str):
        entry["values"] = f"choice({','.join(override_text(item) for item in entry['values'])})"
    elif "values" in entry and not isinstance(entry["values"], str):
        entry["values"] = override_text(entry["values"])
    return entry


def _parameter(key: str, entry: Mapping[str, Any], others: set[str]) -> Parameter:
    name = _name(key)
    when = Expression(entry["when"], others) if entry.get("when") is not None else None
    if "compute" in entry:
        return Parameter(name, key, compute=Expression(entry["compute"], others), when=when)
    override: Override = entry["override"]
    if override.is_sweep_override():
        distribution, texts = distribution_of(override)
        return Parameter(name, key, distribution=distribution, texts=texts, when=when)
    if override.is_delete() and override.value_type is None:
        return Parameter(name, key, when=when)
    if name.startswith(VARIABLE) and override.value() is None:
        raise StudyError(f"the variable {name!r} must have values, but got null")
    return Parameter(
        name, key, fixed=override.get_value_element_as_str(), value=override.value(), when=when
    )


def make_space(spec: SweepSpec) -> Space:
    """Return the space of a sweep."""
    loader = spec.hydra_context.config_loader
    return Space(parse_parameters(spec.options.params, spec.arguments, loader))
