"""The file in which a trial says how it ended, and for which study and start of it that was."""

import json
from pathlib import Path

from hydra_study.storage.locks import write_atomically
from hydra_study.sweep_spec import Recipe
from hydra_study.trials.outcomes import Outcome


def write_outcome(recipe: Recipe, path: Path, outcome: Outcome) -> None:
    """Write how a trial of this session ended to its file.

    Raises:
        OSError: The file cannot be written.
    """
    options = recipe.options
    said = {"study": options.study_name, "study_id": recipe.study_id, "session": recipe.session, **outcome.as_dict()}
    write_atomically(path, json.dumps(said, default=str))


def left_outcome(recipe: Recipe, number: int, session: str | None) -> Outcome | None:
    """Return the outcome that a trial wrote before it ended, if it came so far.

    Args:
        recipe: The sweep.
        number: Number of the trial.
        session: The start of the sweep in which the trial was asked for.
    """
    try:
        said = json.loads(recipe.layout.outcome(number).read_text())
        whose = (said.pop("study"), said.pop("study_id"), said.pop("session"))
        return Outcome(**said) if whose == (recipe.options.study_name, recipe.study_id, session) else None
    except (OSError, ValueError, TypeError, AttributeError, KeyError):
        return None
