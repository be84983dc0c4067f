"""What a plan reads from the overrides of the search: how many trainings run at a time."""

import pytest

from convsweep.errors import UserError
from convsweep.planning.given import parse_given
from hydra_study import usable_cores


@pytest.mark.parametrize(
    ("devices", "words", "slots"),
    [
        ("", [], 8),
        ("", ["hydra.sweeper.threads=4"], 2),
        ("0,1", [], 2),
        ("0,1", ["hydra.sweeper.gpus=0.5"], 4),
        ("0,1", ["hydra.sweeper.gpus=2"], 1),
        ("0,1", ["hydra.sweeper.gpus=0"], 8),
        ("0,1", ["hydra.sweeper.gpus=0.5", "hydra.sweeper.slots=3"], 3),
        ("", ["hydra.sweeper.gpus=1", "hydra/launcher=ray", "hydra.sweeper.workers=4"], 1),
    ],
)
def test_a_plan_counts_trainings_at_a_time_as_the_search_does(
    monkeypatch: pytest.MonkeyPatch, devices: str, words: list[str], slots: int
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", devices)
    monkeypatch.setattr("hydra_study.processes.slots.usable_cores", lambda: 8)
    assert parse_given(["data=digits", *words]).slots == slots


def test_gpus_that_this_machine_does_not_have_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(UserError, match="must not exceed the GPUs of the machine, but got 1"):
        assert parse_given(["data=digits", "hydra.sweeper.gpus=1"]).slots


def test_slots_and_workers_of_the_search_are_read_from_its_overrides() -> None:
    engine = ["hydra.sweeper.slots=4", "hydra.sweeper.workers=3"]
    given = parse_given(["data=digits", "hydra/launcher=ray", *engine])
    assert (given.slots, given.workers) == (4, 3)
    assert parse_given(["data=digits", *engine]).workers == 1, "without a launcher for more"
    unknown = parse_given(["data=digits", "hydra.sweeper.slots=auto"])
    assert (unknown.slots, unknown.workers) == (usable_cores(), 1)
