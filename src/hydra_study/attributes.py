"""Names of the user attributes that the sweeper stores with a trial and with the study."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the fork server needs the names only, and forks faster without optuna
    from optuna.trial import FrozenTrial, Trial

KIND = "kind"
REASON = "reason"
HASH = "hash"
OVERRIDES = "overrides"
# How far an infeasible trial is beyond its limit, relative to the limit.
EXCESS = "excess"
FOLDER = "folder"
CHECKPOINT = "checkpoint"
WORKER = "worker"
SESSION = "session"
SLOT = "slot"
DUPLICATE_OF = "duplicate_of"
REPETITION = "repetition"
RETRY_OF = "retry_of"
RETRIED = "retried"
# Values of the trainings of a trial that averages over several, a list for each.
TRAININGS = "trainings"
# The trial that a finalist repeats with another seed.
FINALIST_OF = "finalist_of"
# The number of the entry of the prior near which a trial was drawn.
PRIOR = "prior"
# Whether the point was queued in place of the sampler's: of a grid, or at random.
DRAWN = "drawn"
ATTEMPT = "attempt"
TRACEBACK = "traceback"
SECONDS = "seconds"
# What makes the scores of all trials doubtful, as the training says: sentences.
REMARKS = "remarks"
PEAK_MEMORY = "peak_memory_mb"
# The step after which a trial was paused; None again once it goes on.
PAUSED_AT = "paused_at"
# When a trial that was paused went on, and worker, slot, start and seconds of its parts before.
STARTED = "started"
PARTS = "parts"

STUDY_SPACE = "space"
STUDY_CONFIG = "config"
STUDY_ENQUEUED = "enqueued"
STUDY_FOLDER = "folder"
STUDY_ID = "id"
STUDY_STOP = "stop"
STUDY_WORKERS = "workers"

_BY_STATE = {
    "COMPLETE": "complete",
    "PRUNED": "pruned",
    "FAIL": "error",
    "RUNNING": "running",
    "WAITING": "waiting",
}


def kind_of(trial: "FrozenTrial") -> str:
    """Return a trial's kind of outcome (one of `kinds.KINDS`), or `running` or `waiting`.

    A `paused` trial keeps Optuna's state RUNNING, the only one from which it can go on.
    """
    by_state = _BY_STATE[trial.state.name]
    if trial.state.is_finished():
        return str(trial.user_attrs.get(KIND, by_state))
    return by_state if trial.user_attrs.get(PAUSED_AT) is None else "paused"


def is_finalist(trial: "FrozenTrial | Trial") -> bool:
    """Return whether a trial repeats one of the best with another seed."""
    return FINALIST_OF in trial.user_attrs


def was_queued(trial: "FrozenTrial") -> bool:
    """Return whether a trial was queued with parameters, instead of being suggested all of them."""
    return "fixed_params" in trial.system_attrs


def was_paused(trial: "FrozenTrial | Trial") -> bool:
    """Return whether a trial is or was paused, so that it continues in its folder."""
    return PAUSED_AT in trial.user_attrs
