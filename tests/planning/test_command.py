"""What `convsweep plan` prints, and when."""

from pathlib import Path

import pytest

from convsweep.cli.next_commands import NEXT, NO_NEXT
from convsweep.errors import UserError
from convsweep.planning.command import plan

FEW = ["data=digits", "data.max_train=100", "num_threads=1"]


@pytest.mark.parametrize("is_stage", [False, True])
def test_a_stage_of_auto_does_not_say_what_is_next(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    is_stage: bool,
) -> None:
    if is_stage:
        monkeypatch.setenv(NEXT, NO_NEXT)
    plan([*FEW, f"folder={tmp_path}"])
    said = capsys.readouterr().out
    assert f"written: {tmp_path}/plan.yaml" in said
    assert ("next: convsweep train" in said) == (not is_stage)


def test_the_data_is_described_before_a_budget_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match="a budget must pay"):
        plan([*FEW, f"folder={tmp_path}", "budget=1s"])
    assert "images of 8x8 with 1 channel, classification, 10 classes" in capsys.readouterr().out
