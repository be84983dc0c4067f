"""The file in which a trial says how it ended, and for which study and start of it that was."""

import json
from pathlib import Path

from hydra_study.storage.locks import write_atomically
from hydra_study.sweep_spec import SweepSpec
from hydra_study.trials.outcomes import Outcome


def write_outcome(spec: SweepSpec, path: Path, outcome: Outcome) -> None:
    """Write how a trial of this session ended to its file.

    Raises:
        OSError: The file cannot be written.
    """
    options = spec.options
    said = {"study": options.study_name, "study_id": spec.study_id, "session": spec.session, **outcome.as_dict()}
    write_atomically(path, json.dumps(said, default=str))


def left_outcome(spec: SweepSpec, number: int, session: str | None) -> Outcome | None:
    """Return the outcome that a trial wrote before it ended, if it came so far.

    Args:
        spec: The sweep.
        number: Number of the trial.
        session: The start of the sweep in which the trial was asked for.
    """
    try:
        said = json.loads(spec.paths.outcome(number).read_text())
        whose = (said.pop("study"), said.pop("study_id"), said.pop("session"))
        return Outcome(**said) if whose == (spec.options.study_name, spec.study_id, session) else None
    except (OSError, ValueError, TypeError, AttributeError, KeyError):
        return None
