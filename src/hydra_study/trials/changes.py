"""Compare the space and the config of a start with those of the study's first start."""

import json
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import PurePath
from typing import Any

from omegaconf import DictConfig, OmegaConf

from hydra_study import attributes
from hydra_study.errors import StudyError
from hydra_study.space.canonical import is_within
from hydra_study.storage.storage import OpenStudy


def check_change(
    study: OpenStudy, space: Mapping[str, Any], config: Mapping[str, Any], changed: str
) -> None:
    """Store space and config with a new study; compare them with the stored ones of an old one.

    Args:
        study: The study.
        space: Result of `Space.describe`.
        config: Result of `fixed_config`.
        changed: `refuse` or `accept`, the option of this name.

    Raises:
        StudyError: Something has changed and is refused, or a parameter is of another kind.
    """
    if changed not in ("refuse", "accept"):
        raise StudyError(f"hydra.sweeper.changed must be refuse or accept, but got {changed!r}")
    space, config = as_stored(space), as_stored(config)
    stored = study.user_attrs.get(attributes.STUDY_SPACE)
    began_with = study.user_attrs.get(attributes.STUDY_CONFIG)
    differences = differences_to(study, space, config)
    if differences and changed == "refuse":
        remedies = (
            "choose another hydra.sweeper.study_name, or hydra.sweeper.changed=accept (and"
            " hydra.sweeper.may_change)"
        )
        listed = "\n  ".join(differences)
        rule = (
            f"the space and config of study {study.study_name!r} must stay those of its first"
            " start, but they differ"
        )
        raise StudyError(f"{rule}:\n  {listed}\n{remedies}")
    _refuse_other_kind(stored or {}, space)
    if stored != space:
        study.set_user_attr(attributes.STUDY_SPACE, space)
    if began_with != config:
        study.set_user_attr(attributes.STUDY_CONFIG, config)


def differences_to(
    study: OpenStudy, space: Mapping[str, Any], config: Mapping[str, Any]
) -> list[str]:
    """Return what differs between a start and the study's first one, a line each.

    Args:
        study: The study.
        space: Result of `Space.describe`.
        config: Result of `fixed_config`.
    """
    space, config = as_stored(space), as_stored(config)
    stored = study.user_attrs.get(attributes.STUDY_SPACE)
    began_with = study.user_attrs.get(attributes.STUDY_CONFIG)
    differences = (
        []
        if stored is None
        else compare_spaces(_varied_entries(stored, space), _varied_entries(space, stored))
    )
    if began_with is not None:
        differences += compare_configs(began_with, config, _varied_keys(stored or {}, space))
    return differences


def as_stored(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return plain data as it is read back from a study."""
    content: dict[str, Any] = json.loads(json.dumps(given, default=str))
    return content


def _refuse_other_kind(stored: Mapping[str, Any], space: Mapping[str, Any]) -> None:
    """Refuse what Optuna does not allow within a study: other choices, whose positions it stores,
    and another kind of parameter.
    """
    for key, entry in space.items():
        old = stored.get(key, {})
        if "choices" in old and "choices" in entry and old["choices"] != entry["choices"]:
            rule = (
                f"the choices of {key} cannot change within a study (Optuna stores their positions)"
            )
            raise StudyError(
                f"{rule}, but {old['choices']} became {entry['choices']}; choose another"
                " hydra.sweeper.study_name"
            )
        before, now = _kind(old), _kind(entry)
        if before and now and before != now:
            raise StudyError(
                f"{key} must stay of one kind within a study, but {before} became {now}; choose"
                " another hydra.sweeper.study_name"
            )


def _kind(entry: Mapping[str, Any]) -> str:
    """Return the kind of a searched parameter in words; nothing for one that is not searched."""
    if "choices" in entry:
        return "choices"
    if "kind" not in entry:
        return ""
    numbers = {"int": "a range of whole numbers", "float": "an interval"}[entry["kind"]]
    return f"{numbers}, logarithmic" if entry.get("log") else numbers


def fixed_config(config: DictConfig, free: Iterable[str]) -> dict[str, Any]:
    """Return the values of a composed config by dotted key, without keys that may differ between
    starts.

    Interpolations are not resolved: times, environment variables and Hydra's folders differ between
    starts, and a value that others refer to should be listed once.

    Args:
        config: The config of a trial without `hydra`.
        free: Keys, or patterns of keys, that may differ.
    """
    patterns = list(free)
    tree = OmegaConf.to_container(config, resolve=False)
    return {
        key: value
        for key, value in _leaves(tree, ())
        if not is_within(key, patterns)
        and not any(fnmatchcase(key, pattern) for pattern in patterns)
    }


def _leaves(tree: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if isinstance(tree, dict) and tree:
        for key, value in tree.items():
            yield from _leaves(value, (*path, str(key)))
    elif path:
        yield ".".join(path), tree


def compare_configs(
    before: Mapping[str, Any], now: Mapping[str, Any], varied: Iterable[str]
) -> list[str]:
    """Return one line for every key that differs and is not varied by the search."""
    varied, missing = list(varied), object()
    keys = [key for key in {**before, **now} if not is_within(key, varied)]
    both = [(key, before.get(key, missing), now.get(key, missing)) for key in keys]
    words = lambda value: "(not there)" if value is missing else json.dumps(value)  # noqa: E731
    return [
        f"{key}: {words(old)} -> {words(new)}" for key, old, new in both if not _is_same(old, new)
    ]


def _is_same(old: Any, new: Any) -> bool:
    """Return whether two values are the same; of absolute paths only the last part counts, since
    folders may have been moved.
    """
    if isinstance(old, str) and isinstance(new, str):
        paths = PurePath(old), PurePath(new)
        return old == new or (
            all(path.is_absolute() for path in paths) and paths[0].name == paths[1].name
        )
    return bool(old == new)


def _is_constant(entry: Mapping[str, Any] | None) -> bool:
    """Return whether a key is the same at every point, so that the config has its value."""
    return entry is None or set(entry) == {"fixed"}


def _varied_entries(space: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries of a space without those that are constant in both."""
    return {
        key: entry
        for key, entry in space.items()
        if not (_is_constant(entry) and _is_constant(other.get(key)))
    }


def compare_spaces(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return one line for every parameter that was added, removed or changed."""
    lines = [f"{key}: added, {_text(now[key])}" for key in now if key not in before]
    lines += [f"{key}: removed, was {_text(before[key])}" for key in before if key not in now]
    both = [key for key in now if key in before and now[key] != before[key]]
    return lines + [f"{key}: {_text(before[key])} became {_text(now[key])}" for key in both]


def _text(entry: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in entry.items())


def _varied_keys(*spaces: Mapping[str, Any]) -> list[str]:
    """Return the dotted keys that at least one of the spaces searches."""
    keys = {key for space in spaces for key, entry in space.items() if not _is_constant(entry)}
    return [key.lstrip("+~").replace("/", ".") for key in keys]
