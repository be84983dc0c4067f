"""The end of a start: the tables, and what the study has come to."""

import logging
import sys
from collections.abc import Sequence

from optuna.trial import FrozenTrial

from hydra_study import attributes
from hydra_study.attributes import kind_of
from hydra_study.display.status_text import best_text, kinds_text
from hydra_study.display.tables import Recorder
from hydra_study.errors import StudyError
from hydra_study.interrupts import Overdue, time_limit
from hydra_study.storage.heartbeat import LivenessMonitor
from hydra_study.storage.leftovers import remove_leftovers
from hydra_study.storage.patience import GaveUpWaitingError, is_transient
from hydra_study.storage.storage import OpenStudy
from hydra_study.sweep_spec import SweepSpec, WorkerResult
from hydra_study.trials.averages import words_of_average
from hydra_study.trials.budget import tally
from hydra_study.trials.early_values import early_values, rungs_of
from hydra_study.trials.finalists import FinalsDecision, decide_finals
from hydra_study.trials.session import Session

log = logging.getLogger("study")

# Limit on writing the tables of an interrupted sweep, whose storage may not answer.
_CONCLUDE_WITHIN_S = 10.0


def conclude(spec: SweepSpec, study: OpenStudy, ended: list[WorkerResult]) -> list[float] | None:
    """Report the state of the sweep and return the values of the best trial.

    Raises:
        StudyError: A worker could not start, or errors of the task function stopped the sweep.
        SystemExit: A signal ended the sweep.
    """
    mistakes = [end.reason for end in ended if end.is_mistake]
    if mistakes:
        raise StudyError(mistakes[0])
    signals = [end.signal for end in ended if end.signal is not None]
    if not signals:
        return conclude_study(spec, study, ended, signals)
    study.patience.timeout_s = 0.0
    try:
        with time_limit(_CONCLUDE_WITHIN_S):
            return conclude_study(spec, study, ended, signals)
    except (Exception, Overdue) as error:
        if not isinstance(error, (GaveUpWaitingError, Overdue)) and not is_transient(error):
            raise
        log.warning(
            "interrupted while the study's storage does not answer; the same command continues once"
            " it does"
        )
        sys.exit(128 + signals[0])


def conclude_study(
    spec: SweepSpec, study: OpenStudy, ended: list[WorkerResult], signals: list[int]
) -> list[float] | None:
    """Write the tables once more and log the state of the study."""
    Recorder(spec, study).write(force=True)
    trials = study.get_trials(deepcopy=False)
    remove_leftovers(
        spec.paths, trials, LivenessMonitor(spec.paths.workers, spec.options.stale_after)
    )
    count = tally(trials, spec.objectives)
    kinds = kinds_text(count, trials)
    reasons = "; ".join(sorted({end.reason for end in ended}))
    best = f"; {best_text(count.best, spec)}" if count.best is not None else ""
    log.info("study %s: %s (%s)%s", study.study_name, reasons, kinds or "no trials", best)
    if signals:
        log.info("the same command continues from here")
        sys.exit(128 + signals[0])
    decision = decide_finals(trials, maximize=spec.objectives.maximizes)
    for line in closing_lines(spec, trials, count.best, decision):
        log.info("%s", line)
    stopped = Session(study, spec).stop_reason()
    if stopped:
        raise StudyError(
            f"the sweep stopped: {stopped}.{_first_error(Session(study, spec).first_error())}"
        )
    errors = [trial for trial in trials if kind_of(trial) == "error"]
    if count.best is None and errors:
        log.warning(
            "no trial has a value, and %d ended with errors.%s",
            len(errors),
            _first_error(errors[0]),
        )
    if decision is not None:
        return [decision.winner.mean]
    return None if count.best is None else list(count.best.values)


def closing_lines(
    spec: SweepSpec,
    trials: Sequence[FrozenTrial],
    best: FrozenTrial | None,
    decision: FinalsDecision | None,
) -> list[str]:
    """Return what is known of the noise of the best trial, of the finalists and of early values,
    and the first trial's remarks.
    """
    averaged = None if best is None else words_of_average(best)
    lines = [] if averaged is None else [averaged]
    remarks = (trial.user_attrs.get(attributes.REMARKS, []) for trial in trials)
    lines += [f"warning: {text}" for text in next(filter(None, remarks), [])]
    lines += [] if decision is None else decision.lines()
    known = early_values(
        trials,
        maximize=spec.objectives.reported_direction == "maximize",
        **rungs_of(spec.options.schedule, spec.options.pruner),
    )
    if known is not None and spec.options.average_over is None:  # whose steps are trainings
        lines.append(known.text())
    return lines


def _first_error(trial: FrozenTrial | None) -> str:
    if trial is None:
        return ""
    text = trial.user_attrs.get(attributes.TRACEBACK) or trial.user_attrs.get(attributes.REASON)
    return f" The first of them, trial {trial.number}:\n{text}"
