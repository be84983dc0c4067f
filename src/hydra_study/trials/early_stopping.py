"""End a search before its budget once it no longer gains more than the noise."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from optuna.trial import FrozenTrial

from hydra_study import attributes
from hydra_study.attributes import is_finalist, kind_of
from hydra_study.errors import StudyError
from hydra_study.intervals import spread
from hydra_study.sweep_spec import SweepSpec
from hydra_study.trials.budget import is_charged

_RULE = (
    "hydra.sweeper.early_stopping must be null or {patience: COUNT, min_delta: NUMBER} with a count"
    " from 1 and a number from 0"
)


@dataclass(frozen=True)
class EarlyStopping:
    """The option `hydra.sweeper.early_stopping`.

    Optuna's terminator, whose regret bound does the same by a Gaussian process, is deprecated.

    Attributes:
        patience: After how many trials in a row without a gain no new one begins.
        min_delta: What counts as a gain; None stands for the standard error of a trial's value.
        maximizes: Whether larger values are better.
    """

    patience: int
    min_delta: float | None
    maximizes: bool

    def reason(self, trials: Sequence[FrozenTrial]) -> str | None:
        """Return why no other trial should begin, or None.

        Trials are looked at in the order in which they ended; those that are paused have not, and
        finalists do not count.
        """
        ended = sorted(
            (trial for trial in trials if trial.state.is_finished() and is_charged(trial)),
            key=lambda trial: (trial.datetime_complete or datetime.max, trial.number),
        )
        if len(ended) <= self.patience:
            return None
        before, late = (
            self._best(part) for part in (ended[: -self.patience], ended[-self.patience :])
        )
        if before == -math.inf:
            return None
        noise = standard_error_of_repeats(trials) if self.min_delta is None else self.min_delta
        if noise is None or late - before > noise:
            return None
        return (
            f"early stopping: the last {self.patience} trials improved the best value by"
            f" {max(0.0, late - before):.3g}, not more than {noise:.3g}"
        )

    def _best(self, trials: Sequence[FrozenTrial]) -> float:
        """Return the best value of complete trials, its sign such that larger is better."""
        sign = 1.0 if self.maximizes else -1.0
        values = (sign * trial.values[0] for trial in trials if kind_of(trial) == "complete")
        return max(values, default=-math.inf)


def parse_early_stopping(spec: SweepSpec) -> EarlyStopping | None:
    """Read `hydra.sweeper.early_stopping`; None if it is null.

    Raises:
        StudyError: It has another form, there are several objectives, or nothing says what noise
            is.
    """
    given, options = spec.options.early_stopping, spec.options
    if given is None:
        return None
    keys = set(given) if isinstance(given, Mapping) else set()
    if not {"patience"} <= keys <= {"patience", "min_delta"}:
        raise StudyError(f"{_RULE}, but got {given!r}")
    patience, min_delta = given["patience"], given.get("min_delta")
    is_number = isinstance(min_delta, int | float) and 0 <= min_delta < math.inf
    if not isinstance(patience, int) or patience < 1 or not (min_delta is None or is_number):
        raise StudyError(f"{_RULE}, but got {dict(given)}")
    if spec.objectives.several:
        raise StudyError(
            "hydra.sweeper.early_stopping compares one objective, but got"
            f" {', '.join(spec.objectives.names)}; set it to null"
        )
    if min_delta is None and options.repeat < 2:
        raise StudyError(
            "hydra.sweeper.early_stopping without min_delta takes the noise from trainings of the"
            f" same network, but got repeat={options.repeat}; set min_delta, or"
            " hydra.sweeper.repeat=2"
        )
    return EarlyStopping(patience, min_delta, spec.objectives.maximizes)


def standard_error_of_repeats(trials: Sequence[FrozenTrial]) -> float | None:
    """Return the standard error of a trial's value, pooled over the networks that were trained
    several times: in trials of the same hash, whose values are single trainings, or within a trial,
    whose value is their mean. None without such networks. Finalists are left out: after their
    values the search must not begin again.
    """
    by_hash: dict[str, list[float]] = {}
    variances = []
    for trial in trials:
        if kind_of(trial) != "complete" or is_finalist(trial):
            continue
        inside = spread([each[0] for each in trial.user_attrs.get(attributes.TRAININGS, [])])
        if inside is not None and inside.standard_error is not None:
            variances.append((inside.standard_error**2, inside.n - 1))
        elif attributes.HASH in trial.user_attrs:
            by_hash.setdefault(trial.user_attrs[attributes.HASH], []).append(trial.values[0])
    for values in by_hash.values():
        if len(values) > 1:
            variances.append((statistics.variance(values), len(values) - 1))
    degrees = sum(weight for _, weight in variances)
    return (
        math.sqrt(sum(each * weight for each, weight in variances) / degrees) if degrees else None
    )
