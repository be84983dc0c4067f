"""Names of the user attributes that the sweeper stores with a trial and with the study."""

from optuna.trial import FrozenTrial, TrialState

KIND = "kind"
REASON = "reason"
HASH = "hash"
OVERRIDES = "overrides"
FOLDER = "folder"
CHECKPOINT = "checkpoint"
WORKER = "worker"
SESSION = "session"
SLOT = "slot"
DUPLICATE_OF = "duplicate_of"
REPETITION = "repetition"
RETRY_OF = "retry_of"
RETRIED = "retried"
ATTEMPT = "attempt"
TRACEBACK = "traceback"
SECONDS = "seconds"
PEAK_MEMORY = "peak_memory_mb"

STUDY_SPACE = "space"
STUDY_CONFIG = "config"
STUDY_ENQUEUED = "enqueued"
STUDY_FOLDER = "folder"
STUDY_ID = "id"
STUDY_STOP = "stop"

_BY_STATE = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "error",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}


def kind_of(trial: FrozenTrial) -> str:
    """Return a trial's kind of outcome (one of `kinds.KINDS`), or `running` or `waiting`."""
    if not trial.state.is_finished():
        return _BY_STATE[trial.state]
    return str(trial.user_attrs.get(KIND, _BY_STATE[trial.state]))
