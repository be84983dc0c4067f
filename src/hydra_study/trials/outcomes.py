"""Outcomes of trials, the policies for them, and the outcome file."""

import json
import math
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hydra_study.errors import StudyError, wants_traceback
from hydra_study.kinds import KINDS, kind_of_error, telling_cause
from hydra_study.storage.locks import write_atomically
from hydra_study.sweep_spec import SweepSpec

UNCHARGED = ("infeasible", "duplicate")
CONSTRAINED = ("infeasible", "out_of_memory", "timed_out", "diverged")


@dataclass
class Outcome:
    """The outcome of a trial, which writes it to its folder so that it survives the worker.

    Attributes:
        kind: One of `KINDS`.
        values: Values of the objectives of a complete trial.
        reason: Why it is not complete, in one line.
        traceback: Traceback of an error.
        seconds: Wall time.
        peak_memory_mb: Peak resident memory of the trial's process in MiB.
        stopped: Whether the trial received SIGTERM or SIGINT.
        excess: How far an infeasible trial is beyond its limit, relative to the limit, if known.
    """

    kind: str
    values: list[float] | None = None
    reason: str = ""
    traceback: str = ""
    seconds: float = 0.0
    peak_memory_mb: float = 0.0
    stopped: bool = False
    excess: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the outcome as plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Policy:
    """The reaction to a kind of outcome.

    Attributes:
        action: `go_on`, `retry` or `stop` (the sweep).
        retries: How often to retry.
    """

    action: str = "go_on"
    retries: int = 0


def parse_policies(texts: Mapping[str, str]) -> dict[str, Policy]:
    """Read `hydra.sweeper.policy`.

    Raises:
        StudyError: A kind or a policy is unknown.
    """
    policies = {kind: Policy() for kind in KINDS}
    for kind, text in texts.items():
        if kind not in KINDS:
            raise StudyError(
                f"hydra.sweeper.policy: the kind must be one of {', '.join(KINDS)}, but got"
                f" {kind!r}"
            )
        action, _, count = str(text).partition(" ")
        if action not in ("go_on", "stop", "retry") or (action == "retry") != count.isdigit():
            rule = "must be `go_on`, `stop` or `retry <count>`"
            raise StudyError(f"hydra.sweeper.policy.{kind} {rule}, but got {text!r}")
        policies[kind] = Policy(action, int(count or 0))
    return policies


def outcome_of_exception(error: BaseException) -> Outcome:
    """Return the outcome for an exception of the task function.

    An exception that has a kind itself is stored without a traceback, unless HYDRA_FULL_ERROR=1.
    One of kind `infeasible` may have an attribute `excess`.
    """
    cause = telling_cause(error)
    if cause is not None:
        kind = kind_of_error(cause) or "error"
        wanted = kind == "error" and wants_traceback()
        return Outcome(
            kind,
            reason=_one_line(cause),
            traceback=_traceback(error) if wanted else "",
            excess=_excess_of(cause) if kind == "infeasible" else None,
        )
    if isinstance(error, SystemExit):
        return Outcome(
            "error", reason=f"the task function left the process by sys.exit({error.code})"
        )
    return Outcome("error", reason=_one_line(error), traceback=_traceback(error))


def outcome_of_result(result: Any, names: tuple[str, ...]) -> Outcome:
    """Return the outcome for the return value of the task function.

    Args:
        result: A number for each objective, as a number, sequence or mapping by name.
        names: Names of the objectives.
    """
    if isinstance(result, Mapping):
        result = [result.get(name) for name in names]
    given = list(result) if isinstance(result, (list, tuple)) else [result]
    if len(given) != len(names) or any(value is None for value in given):
        rule = f"the task function must return {len(names)} number(s) ({', '.join(names)})"
        return Outcome("error", reason=f"{rule}, but returned {result!r}")
    try:
        values = [float(value) for value in given]
    except (TypeError, ValueError):
        return Outcome(
            "error", reason=f"the task function must return numbers, but returned {result!r}"
        )
    if not all(math.isfinite(value) for value in values):
        return Outcome("diverged", reason=f"the result is {result!r}")
    return Outcome("complete", values=values)


def _excess_of(error: BaseException) -> float | None:
    """Return how far an infeasible trial is beyond its limit; None unless a number above 0."""
    excess = getattr(error, "excess", None)
    return float(excess) if isinstance(excess, (int, float)) and 0 < excess < math.inf else None


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    plain = getattr(error, "kind", None) in KINDS
    return text[:500] if plain and text else f"{type(error).__name__}: {text}"[:500]


def _traceback(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def write_outcome(spec: SweepSpec, path: Path, outcome: Outcome) -> None:
    """Write the outcome of a trial of this session to its file.

    Raises:
        OSError: The file cannot be written.
    """
    options = spec.options
    stored = {
        "study": options.study_name,
        "study_id": spec.study_id,
        "session": spec.session,
        **outcome.as_dict(),
    }
    write_atomically(path, json.dumps(stored, default=str))


def read_outcome(spec: SweepSpec, number: int, session: str | None) -> Outcome | None:
    """Return the outcome in a trial's file, or None if it has not written one.

    Args:
        spec: The sweep.
        number: Number of the trial.
        session: The start of the sweep that the trial belongs to.
    """
    try:
        stored = json.loads(spec.paths.outcome(number).read_text())
        whose = (stored.pop("study"), stored.pop("study_id"), stored.pop("session"))
        return (
            Outcome(**stored)
            if whose == (spec.options.study_name, spec.study_id, session)
            else None
        )
    except (OSError, ValueError, TypeError, AttributeError, KeyError):
        return None
