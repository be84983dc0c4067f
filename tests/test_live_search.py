"""Live searches end with their budget, log what they found, and go on where they stopped."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from benchmarks.search.live import __main__ as live
from benchmarks.search.live import summary
from benchmarks.search.live.cpu_clock import CpuClock
from benchmarks.search.live.trial import STATE, LiveTrial, Setup, save_data
from benchmarks.search.rows import read_rows
from benchmarks.search.samples import Data, Split
from benchmarks.search.tasks import flat_name, load_task, options_of
from benchmarks.search.training import cost_of

SIZE = 64


def data(*_: Any) -> Data:
    labels = torch.arange(SIZE) % 10
    return Data(*(Split(torch.randn(SIZE, 1, 14, 14), labels) for _ in range(3)))


@pytest.fixture
def values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A point that fits the budget, and the environment of a search."""
    for name, value in Setup("images", str(tmp_path), 0).environment().items():
        monkeypatch.setenv(name, value)
    save_data(data(), tmp_path)
    task = load_task("images")
    points = (task.point(number) for number in range(100))
    point = next(each for each in points if "reason" not in cost_of(task, options_of(each)))
    return {flat_name(name): value for name, value in point.values.items()}


def test_a_resumed_trial_goes_on_as_if_it_had_not_stopped(
    values: dict[str, Any], tmp_path: Path
) -> None:
    whole = list(LiveTrial(values).epochs(4))
    first = LiveTrial(values)
    begun = list(first.epochs(2))
    first.save(tmp_path)
    torch.manual_seed(1)
    assert begun + list(LiveTrial(values, tmp_path / STATE).epochs(4)) == whole


@pytest.mark.parametrize(
    "method", ["random, full length", pytest.param("convsweep", marks=pytest.mark.long)]
)
def test_a_search_ends_with_its_budget_and_is_not_repeated(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(live, "load_data", data)
    path = tmp_path / "live.jsonl"
    command = ["live", str(path), "--epochs", "3", "--seconds", "600", "--seeds", "1"]
    monkeypatch.setattr(sys, "argv", [*command, "--methods", method])
    live.main()
    (row,) = read_rows(path)
    assert row["num_epochs"] >= 3
    assert row["at"] == sorted(row["at"])
    assert row["val"] == sorted(row["val"])
    live.main()
    assert read_rows(path) == [row]


def test_a_search_that_ends_by_itself_is_an_error(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no module neps')"]
    with pytest.raises(RuntimeError, match="no module neps"):
        live.run(command, Setup("images", str(tmp_path), 0), live.Budget("wall", 600.0))


def test_the_cpu_clock_counts_processes_with_the_mark_alone(tmp_path: Path) -> None:
    burn = "import time\nwhile time.process_time() < 0.5: pass\nprint(flush=True); input()"
    for mark, counted in (("other", False), (str(tmp_path), True)):
        process = subprocess.Popen(
            [sys.executable, "-c", burn],
            env={**os.environ, "MARK": mark},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        process.stdout.readline()
        assert (CpuClock(str(tmp_path)).seconds() >= 0.4) is counted
        process.communicate(b"\n")


def test_times_count_from_the_first_trial_on_either_clock() -> None:
    times = [(100.0, 0.0), (110.0, 5.0), (120.0, 6.0)]
    rows = [
        {"at": 110.0, "epoch": 0},
        {"at": 115.0, "epoch": 1, "val": 0.5, "test": 0.4, "cpu_s": 1.0, "wall_s": 2.0},
        {"at": 120.0, "epoch": 2, "val": 0.4, "test": 0.9, "cpu_s": 1.0, "wall_s": 2.0},
    ]
    for clock, at in (("wall", 5.0), ("cpu", 0.5)):
        found = live.result(rows, times, live.Budget(clock, 60.0))
        assert (found["at"], found["val"], found["test"]) == ([at], [0.5], [0.4])
        assert found["startup_cpu_s"] == 5.0
    assert live.Budget("cpu", 1.0).is_spent(rows, times)
    assert not live.Budget("cpu", 1.1).is_spent(rows, times)


def test_the_summary_says_when_the_program_was_at_a_peers_quality() -> None:
    ours = {"at": [1.0, 4.0], "val": [0.5, 0.8], "test": [0.4, 0.7]}
    shared = {"seed": 0, "seconds": 10.0, "trainings": 1, "num_epochs": 9}
    shared |= {"cpu_s": 5.0, "wall_s": 10.0, "startup_cpu_s": 1.0}
    rows = [
        {"method": "convsweep", **shared, **ours},
        {"method": "slow", **shared, "at": [9.0], "val": [0.6], "test": [0.6]},
        {"method": "good", **shared, "at": [9.0], "val": [0.9], "test": [0.6]},
    ]
    table = summary.table_of_speed(rows, "convsweep")
    assert "| slow | 9 | 4 | 1 of 1 |" in table
    assert "| good | 9 | never | 0 of 1 |" in table
    assert "| convsweep | 70.0 | 70.0 | 80.0 | 1 | 9 | 5 | 1 | 0.50 |" in (
        summary.table_of_searches(rows)
    )
