"""Settings that a run takes from the sweep whose trial it is."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from omegaconf import OmegaConf

from convsweep.training.run import CHECK, Run
from hydra_study import trial

CONF = Path(__file__).parents[2] / "conf"


@pytest.mark.parametrize(
    ("checked", "known"),
    [({CHECK: {"params": 3}}, {"params": 3}), ({"mine.check": {"params": 3}}, None), (None, None)],
)
def test_only_what_our_own_check_said_is_taken_for_the_cost(checked: Any, known: Any) -> None:
    channel: Any = SimpleNamespace()
    run = Run.__new__(Run)
    run.link = trial.TrialConnection(0, "study", "folder", None, channel, checked)
    assert run.known_cost == known


def test_a_run_alone_knows_nothing_of_its_network() -> None:
    run = Run.__new__(Run)
    run.link = None
    assert run.known_cost is None


def test_sweeps_ask_for_that_check() -> None:
    assert OmegaConf.load(CONF / "hydra" / "sweeper" / "study.yaml").hydra.sweeper.check == CHECK
