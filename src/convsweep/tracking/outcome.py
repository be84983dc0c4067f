"""Outcomes of a run, and their exit codes for W&B."""

from typing import Literal, get_args

from hydra_study import kind_of_error, telling_cause

Outcome = Literal[
    "complete",
    "pruned",
    "paused",
    "infeasible",
    "out_of_memory",
    "timed_out",
    "diverged",
    "killed",
    "error",
]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


def outcome_of(exception: BaseException | None) -> Outcome:
    """Return the outcome of a run that ended with `exception`, or completed (None).

    Lightning turns Ctrl-C into `SystemExit` raised while handling `KeyboardInterrupt`, and SIGTERM
    into a subclass of `SystemExit`: both mean killed.
    """
    if exception is None:
        return "complete"
    cause = telling_cause(exception)
    for outcome in OUTCOMES:
        if cause is not None and kind_of_error(cause) == outcome:
            return outcome
    if _is_interrupt(exception) or _is_interrupt(exception.__context__):
        return "killed"
    return (
        "complete" if isinstance(exception, SystemExit) and exception.code in (None, 0) else "error"
    )


def exit_code_of(outcome: Outcome) -> int:
    """Return the exit code that W&B shows as finished (0), failed (1) or killed (255, as after
    Ctrl-C).
    """
    if outcome in ("complete", "pruned", "paused"):
        return 0
    return 255 if outcome == "killed" else 1


def _is_interrupt(exception: BaseException | None) -> bool:
    from lightning.pytorch.utilities.exceptions import SIGTERMException

    return isinstance(exception, KeyboardInterrupt | SIGTERMException)
