"""A storage that retries calls while the backend does not answer, none with effect twice."""

from collections.abc import Callable, Container, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hydra_study.storage.patience import Patience


class PatientStorage(BaseStorage):
    """Delegate every call to a storage, and retry it while it fails with a transient error.

    A call may have taken effect although its answer was lost. Most calls are idempotent. Before a
    trial is created again, it is looked for; a trial that already has the state to be set is
    accepted. Only a trial that is created without a template can exist twice: the first then has no
    worker and is reaped.

    Args:
        storage: The storage.
        patience: How long to retry.
        close: Closes the connection to it.
    """

    def __init__(
        self, storage: BaseStorage, patience: Patience, close: Callable[[], None] = lambda: None
    ) -> None:
        self.storage = storage
        self.close = close
        self.patience = patience

    def create_new_study(
        self, directions: Sequence[StudyDirection], study_name: str | None = None
    ) -> int:
        """Create a study."""
        return self.patience.call(lambda: self.storage.create_new_study(directions, study_name))

    def delete_study(self, study_id: int) -> None:
        """Delete a study."""
        self.patience.call(lambda: self.storage.delete_study(study_id))

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        """Set a user attribute of a study."""
        self.patience.call(lambda: self.storage.set_study_user_attr(study_id, key, value))

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """Set a system attribute of a study."""
        self.patience.call(lambda: self.storage.set_study_system_attr(study_id, key, value))

    def get_study_id_from_name(self, study_name: str) -> int:
        """Return the id of a study."""
        return self.patience.call(lambda: self.storage.get_study_id_from_name(study_name))

    def get_study_name_from_id(self, study_id: int) -> str:
        """Return the name of a study."""
        return self.patience.call(lambda: self.storage.get_study_name_from_id(study_id))

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        """Return the directions of a study."""
        return self.patience.call(lambda: self.storage.get_study_directions(study_id))

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        """Return the user attributes of a study."""
        return self.patience.call(lambda: self.storage.get_study_user_attrs(study_id))

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """Return the system attributes of a study."""
        return self.patience.call(lambda: self.storage.get_study_system_attrs(study_id))

    def get_all_studies(self) -> list[Any]:
        """Return all studies."""
        return self.patience.call(self.storage.get_all_studies)

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Create a trial."""

        def again() -> int:
            made = None if template_trial is None else self._find(study_id, template_trial)
            return (
                made
                if made is not None
                else self.storage.create_new_trial(study_id, template_trial)
            )

        return self.patience.call(
            lambda: self.storage.create_new_trial(study_id, template_trial), again
        )

    def _find(self, study_id: int, template: FrozenTrial) -> int | None:
        """Return the id of the trial that an earlier call has created from a template, or None."""
        fields = ("state", "values", "user_attrs", "system_attrs", "params")
        for trial in self.storage.get_all_trials(
            study_id, deepcopy=False, states=(template.state,)
        ):
            if all(getattr(trial, field) == getattr(template, field) for field in fields):
                return self.storage.get_trial_id_from_study_id_trial_number(study_id, trial.number)
        return None

    def set_trial_param(
        self,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
    ) -> None:
        """Set a parameter of a trial."""
        self.patience.call(
            lambda: self.storage.set_trial_param(
                trial_id, param_name, param_value_internal, distribution
            )
        )

    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:
        """Return the id of a trial."""
        return self.patience.call(
            lambda: self.storage.get_trial_id_from_study_id_trial_number(study_id, trial_number)
        )

    def get_trial_number_from_id(self, trial_id: int) -> int:
        """Return the number of a trial."""
        return self.patience.call(lambda: self.storage.get_trial_number_from_id(trial_id))

    def get_trial_param(self, trial_id: int, param_name: str) -> float:
        """Return a parameter of a trial."""
        return self.patience.call(lambda: self.storage.get_trial_param(trial_id, param_name))

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        """Set the state and values of a trial; return whether that was possible."""

        def again() -> bool:
            try:
                if self.storage.set_trial_state_values(trial_id, state, values):
                    return True
            except UpdateFinishedTrialError:
                told = self.storage.get_trial(trial_id)
                if told.state != state or told.values != (None if values is None else list(values)):
                    raise
                return True
            return self.storage.get_trial(trial_id).state == state

        return self.patience.call(
            lambda: self.storage.set_trial_state_values(trial_id, state, values), again
        )

    def set_trial_intermediate_value(
        self, trial_id: int, step: int, intermediate_value: float
    ) -> None:
        """Set an intermediate value of a trial."""
        self.patience.call(
            lambda: self.storage.set_trial_intermediate_value(trial_id, step, intermediate_value)
        )

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Set a user attribute of a trial."""
        self.patience.call(lambda: self.storage.set_trial_user_attr(trial_id, key, value))

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Set a system attribute of a trial."""
        self.patience.call(lambda: self.storage.set_trial_system_attr(trial_id, key, value))

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """Return a trial."""
        return self.patience.call(lambda: self.storage.get_trial(trial_id))

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Return the trials of a study, or those in some states."""
        return self.patience.call(lambda: self.storage.get_all_trials(study_id, deepcopy, states))

    def get_n_trials(
        self, study_id: int, state: tuple[TrialState, ...] | TrialState | None = None
    ) -> int:
        """Return the number of trials of a study, or of those in some states."""
        return self.patience.call(lambda: self.storage.get_n_trials(study_id, state))

    def get_best_trial(self, study_id: int) -> FrozenTrial:
        """Return the best trial of a study."""
        return self.patience.call(lambda: self.storage.get_best_trial(study_id))

    def remove_session(self) -> None:
        """Close this thread's session."""
        self.storage.remove_session()
