"""Each way a run can end has one outcome, and W&B's exit code for it."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning.pytorch.utilities.exceptions import SIGTERMException

from convsweep.errors import DivergedError, InfeasibleError, UserError
from convsweep.tracking import Outcome, exit_code_of, outcome_of
from hydra_study import trial
from hydra_study.trial import Pruned, Stopped


def raised_while_handling(error: BaseException, cause: BaseException) -> BaseException:
    try:
        try:
            raise cause
        except BaseException:
            raise error  # noqa: B904 (as Lightning's sys.exit inside `except`)
    except BaseException as caught:
        return caught


@pytest.mark.parametrize(
    ("exception", "outcome", "exit_code"),
    [
        (None, "complete", 0),
        (SystemExit(0), "complete", 0),
        (SystemExit(None), "complete", 0),
        (Pruned(), "pruned", 0),
        (InfeasibleError("too deep"), "infeasible", 1),
        (torch.OutOfMemoryError(), "out_of_memory", 1),
        (MemoryError(), "out_of_memory", 1),
        (DivergedError("NaN"), "diverged", 1),
        (KeyboardInterrupt(), "killed", 255),
        (SIGTERMException(), "killed", 255),
        (Stopped("asked to close"), "killed", 255),
        (raised_while_handling(SystemExit(1), KeyboardInterrupt()), "killed", 255),
        (SystemExit(1), "error", 1),
        (UserError("wrong key"), "error", 1),
        (ValueError(), "error", 1),
    ],
)
def test_outcome_and_exit_code(
    exception: BaseException | None, outcome: Outcome, exit_code: int
) -> None:
    assert outcome_of(exception) == outcome
    assert exit_code_of(outcome) == exit_code


def test_a_trial_that_may_go_on_is_paused() -> None:
    channel: Any = SimpleNamespace(ask=lambda message: {"stop": "paused"})
    connection = trial.TrialConnection(0, "study", ".", None, channel)
    trial.enter(connection)
    try:
        assert connection.report(1, 0.5)
        assert (outcome_of(Pruned()), exit_code_of("paused")) == ("paused", 0)
    finally:
        trial.leave()
