"""Retries: whether a trial is retried, and the new trial that resumes from its checkpoint."""

from typing import Any

from optuna.trial import FrozenTrial

from hydra_study import attributes
from hydra_study.storage.storage import OpenStudy
from hydra_study.trials.outcomes import Policy

_INHERITED = (
    attributes.OVERRIDES,
    attributes.HASH,
    attributes.REPETITION,
    attributes.FINALIST_OF,
    attributes.TRAININGS,
)


def next_attempt(trial: FrozenTrial, policy: Policy, again: bool | None) -> int | None:
    """Return the number of the attempt that a retry makes, or None if there is none.

    Args:
        trial: The trial that has ended.
        policy: The reaction to its kind of outcome.
        again: Whether to retry it, which then does not count as an attempt; None leaves that to
            the policy.
    """
    attempt = int(trial.user_attrs.get(attributes.ATTEMPT, 0))
    if again is None:
        has_left = policy.action == "retry" and attempt < policy.retries
        return attempt + 1 if has_left else None
    return attempt if again else None


def queue_retry(study: OpenStudy, trial: FrozenTrial, attempt: int, checkpoint: str | None) -> None:
    """Queue a retry with the same parameters, which resumes from the checkpoint; only once.

    The retry repeats the reports of the trial when it starts (`Reports.inherit`).
    """
    others = study.get_trials(deepcopy=False)
    if any(other.user_attrs.get(attributes.RETRY_OF) == trial.number for other in others):
        return
    attrs = {key: trial.user_attrs[key] for key in _INHERITED if key in trial.user_attrs}
    attrs |= {attributes.RETRY_OF: trial.number, attributes.ATTEMPT: attempt}
    if checkpoint is not None:
        attrs[attributes.CHECKPOINT] = checkpoint
    study.enqueue_trial(fixed_params(trial), user_attrs=attrs)


def fixed_params(trial: FrozenTrial) -> dict[str, Any]:
    """Return the parameters of a trial, including those it was queued with."""
    return {**trial.system_attrs.get("fixed_params", {}), **trial.params}
