"""Compares the space of a start with the one that the study began with."""

import json
from collections.abc import Mapping
from typing import Any

from . import attributes
from .errors import StudyError
from .storage import OpenStudy


def check_space(study: OpenStudy, space: Mapping[str, Any], changed_space: str) -> None:
    """Store the description of the space with a fresh study; refuse another one for a study that has trials.

    Args:
        study: The study.
        space: What `Space.describe` says.
        changed_space: `refuse` or `accept`.

    Raises:
        StudyError: The space has changed and that is not accepted, or cannot be.
    """
    if changed_space not in ("refuse", "accept"):
        raise StudyError(f"hydra.sweeper.changed_space must be refuse or accept, but got {changed_space!r}")
    space = json.loads(json.dumps(space, default=str))
    stored = study.user_attrs.get(attributes.STUDY_SPACE)
    differences = [] if stored is None else compare(stored, space)
    if differences and changed_space == "refuse":
        remedies = "choose another hydra.sweeper.study_name, or hydra.sweeper.changed_space=accept"
        listed = "\n  ".join(differences)
        raise StudyError(
            f"the space of study {study.study_name!r} must stay as it began, but it differs:\n  {listed}\n{remedies}"
        )
    for key, entry in space.items():
        before = (stored or {}).get(key, {}).get("choices")
        if before is not None and "choices" in entry and before != entry["choices"]:
            rule = f"the choices of {key} cannot change within a study (Optuna stores their positions)"
            raise StudyError(f"{rule}, but {before} became {entry['choices']}; choose another hydra.sweeper.study_name")
    if stored is None or differences:
        study.set_user_attr(attributes.STUDY_SPACE, space)


def compare(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return one line for every parameter that was added, removed or changed."""
    lines = [f"{key}: added, {_text(now[key])}" for key in now if key not in before]
    lines += [f"{key}: removed, was {_text(before[key])}" for key in before if key not in now]
    both = [key for key in now if key in before and now[key] != before[key]]
    return lines + [f"{key}: {_text(before[key])} became {_text(now[key])}" for key in both]


def _text(entry: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in entry.items())
