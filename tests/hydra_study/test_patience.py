"""Calls of a storage that fails for a while are made again, and take effect once."""

import time
from collections.abc import Callable
from typing import Any

import optuna
import pytest
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState

from hydra_study.interrupts import Overdue, time_limit
from hydra_study.storage.patience import GaveUpWaitingError, Patience
from hydra_study.storage.patient_storage import PatientStorage


class LosesAnswers(InMemoryStorage):
    """A storage of which each answer to a change of a trial is lost once, after it took effect."""

    def __init__(self) -> None:
        super().__init__()
        self.lose = False

    def _answer(self, answer: Any) -> Any:
        if self.lose:
            self.lose = False
            raise ConnectionResetError("connection lost")
        return answer

    def create_new_trial(self, *args: Any, **kwargs: Any) -> int:
        return int(self._answer(super().create_new_trial(*args, **kwargs)))

    def set_trial_state_values(self, *args: Any, **kwargs: Any) -> bool:
        return bool(self._answer(super().set_trial_state_values(*args, **kwargs)))


def test_a_call_whose_answer_was_lost_takes_effect_once() -> None:
    lossy = LosesAnswers()
    study = optuna.create_study(storage=PatientStorage(lossy, Patience(60)))

    def losing(call: Callable[[], Any]) -> Any:
        lossy.lose = True
        answer = call()
        assert not lossy.lose, "it was lost"
        return answer

    losing(lambda: study.enqueue_trial({"x": 0.5}, user_attrs={"retry_of": 3}))
    assert len(study.trials) == 1
    trial = losing(study.ask)
    assert trial.number == 0
    assert trial.suggest_float("x", 0, 1) == 0.5
    losing(lambda: study.tell(trial, 1.0))
    assert [(one.state, one.value) for one in study.trials] == [(TrialState.COMPLETE, 1.0)]


def test_a_state_set_by_another_worker_is_not_mistaken_for_ones_own() -> None:
    lossy = LosesAnswers()
    study = optuna.create_study(storage=PatientStorage(lossy, Patience(60)))
    trial = study.ask()

    def told_by_another(*args: Any, **kwargs: Any) -> bool:
        InMemoryStorage.set_trial_state_values(lossy, 0, TrialState.FAIL)
        del lossy.set_trial_state_values
        raise ConnectionResetError

    lossy.set_trial_state_values = told_by_another  # type: ignore[method-assign]
    with pytest.raises(optuna.exceptions.UpdateFinishedTrialError):
        study.tell(trial, 1.0)


def test_patience_ends() -> None:
    patience, waited = Patience(0.3), []
    patience.meanwhile = waited.append

    def fail() -> None:
        raise OSError("no space left")

    with pytest.raises(
        GaveUpWaitingError,
        match=r"within 0.3 s \(hydra.sweeper.storage_timeout\), but it did not: no",
    ):
        patience.call(fail)
    assert waited, "other work went on"
    with pytest.raises(GaveUpWaitingError):
        patience.call(fail)
    with pytest.raises(OSError, match="no space left"):
        Patience(0).call(fail)
    with pytest.raises(ZeroDivisionError):
        Patience(60).call(lambda: 1 // 0)


def test_a_storage_that_never_answers_is_left_when_time_is_up() -> None:
    patience = Patience(60)
    with pytest.raises(GaveUpWaitingError), time_limit(0.1):
        patience.call(lambda: time.sleep(600))
    with pytest.raises(Overdue), time_limit(0.1):
        time.sleep(600)
