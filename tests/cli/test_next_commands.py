"""What is printed after a search."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from hydra.types import RunMode
from omegaconf import OmegaConf

from convsweep.cli import next_commands
from convsweep.cli.next_commands import (
    NEXT,
    NO_NEXT,
    OF_CONFIRMATION,
    say_next_of_run,
    say_next_of_search,
)
from convsweep.review.confirm.jobs import suggest as of_confirmation
from hydra_study import SweepPaths


@pytest.mark.parametrize("suggest", [None, OF_CONFIRMATION])
def test_a_search_has_next_commands_but_the_trainings_of_a_confirmation_have_not(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    suggest: str | None,
) -> None:
    cfg = OmegaConf.create(
        {
            "mode": RunMode.MULTIRUN,
            "sweep": {"dir": str(tmp_path)},
            "sweeper": {} if suggest is None else {"suggest": suggest},
        }
    )
    OmegaConf.set_struct(cfg, True)
    hydra = SimpleNamespace(initialized=lambda: True, get=lambda: cfg)
    monkeypatch.setattr(next_commands, "HydraConfig", hydra)
    monkeypatch.setattr(SweepPaths, "winner", lambda self: tmp_path)
    say_next_of_search()
    assert ("convsweep confirm" in capsys.readouterr().out) is (suggest is None)


def test_the_trainings_of_a_confirmation_are_told_by_what_suggests_them() -> None:
    assert f"{of_confirmation.__module__}.{of_confirmation.__name__}" == OF_CONFIRMATION


@pytest.mark.parametrize("value", ["", NO_NEXT])
def test_the_environment_leaves_them_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    monkeypatch.setenv(NEXT, value)
    say_next_of_run(tmp_path)
    assert ("convsweep evaluate" in capsys.readouterr().out) == (value != NO_NEXT)
