"""Energy is a limit as time is: what is used is counted, and the rest lasts by the power so far."""

import signal
import time
from pathlib import Path
from typing import Any

import pytest

from convsweep.auto.context import StageContext
from convsweep.auto.process import InterruptedStageError
from convsweep.auto.request import parse_request
from convsweep.auto.start import auto
from convsweep.auto.state import StageState, State, read_state
from convsweep.errors import UserError
from tests.planning.test_energy_meter import make_zone

from .conftest import RECORD, Commands, write_plan

WH = 3600.0


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide GPUs, whose energy would count too."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


def run(folder: Path, commands: Commands, powercap: Path, *words: str) -> int:
    request = parse_request(["data=digits", f"folder={folder}", *words])
    marks: Any = RECORD["data_fingerprint"]
    return auto(request, commands, lambda overrides: marks, powercap)


class Using(Commands):
    """Uses 0.2 J of a CPU package in each command.

    Args:
        zone: of the package.
        stop_in: command that a signal ends.
    """

    def __init__(self, zone: Path, stop_in: str = "") -> None:
        super().__init__(hook=self.use)
        self.file, self.stop_in = zone / "energy_uj", stop_in

    def write_plan(self, folder: Path) -> None:
        """Write a plan that measured 100 W."""
        write_plan(folder, watts=100.0)

    def use(self, name: str) -> None:
        """Count, and wait a little, from which the power follows."""
        self.file.write_text(str((int(self.file.read_text()) + 200_000) % 1_000_000))
        time.sleep(0.01)
        if name == self.stop_in:
            raise InterruptedStageError(signal.SIGTERM)


def context(folder: Path, *words: str, **state: Any) -> StageContext:
    write_plan(folder, watts=100.0)
    return StageContext(parse_request(["data=digits", *words]), folder, State([], **state))


def test_the_rest_lasts_by_the_power_of_the_trainings(tmp_path: Path) -> None:
    words = ["energy=10Wh"]
    assert context(tmp_path, *words).seconds == 360, "100 W, as the plan measured"
    spent: dict[str, Any] = {"seconds": 60.0, "joules": 2 * WH}
    stages = {"plan": StageState(seconds=20, joules=400), "baseline": StageState(seconds=40)}
    assert context(tmp_path, *words, **spent, stages=stages).left == pytest.approx(288)
    stages["baseline"].joules = 200 * 40
    by_power = context(tmp_path, *words, **spent, stages=stages)
    assert (by_power.watts, by_power.left) == (200, pytest.approx(144))
    stages["baseline"].joules = 50 * 40
    assert context(tmp_path, *words, stages=stages).watts == 100, "as planned for the search"
    stages["search"] = StageState(seconds=60, joules=90 * 60)
    assert context(tmp_path, *words, stages=stages).watts == 74, "by what it needed"


def test_the_smaller_of_two_limits_holds(tmp_path: Path) -> None:
    assert context(tmp_path, "energy=10Wh", "budget=5min").seconds == 300
    assert context(tmp_path, "energy=10Wh", "budget=7min").seconds == 360
    assert context(tmp_path, "energy=10Wh", "power=200W", "budget=7min").seconds == 180
    assert context(tmp_path, "n_trials=3").seconds is None


def test_energy_is_refused_where_nothing_counts_it(tmp_path: Path) -> None:
    commands = Commands()
    with pytest.raises(UserError, match=r"this machine shows none .*, as in power=150W, or"):
        run(tmp_path / "run", commands, tmp_path / "none", "energy=0.2kWh")
    assert commands.names == []
    assert not (tmp_path / "run").exists()


def test_a_run_counts_energy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, commands = tmp_path / "run", Using(make_zone(tmp_path, "0", "package-0", 900_000))
    assert run(folder, commands, tmp_path, "energy=1kWh") == 0
    assert "energy=3600000J" in commands.called[0], "the plan measures how long that lasts"
    state = read_state(folder)
    assert state is not None
    used = 0.2 * len(commands.called)
    assert (state.joules, state.stages["search"].joules) == pytest.approx((used, 0.2))
    said = capsys.readouterr().out
    assert "energy is counted by 1 CPU package; not counted: NVIDIA GPUs: " in said
    assert "energy 1 kWh, spent 0.2 J; the rest lasts 10 h 0 min at 100 W" in said
    assert f"energy   {used:.3g} J of 1 kWh, by 1 CPU package" in said
    assert f"Energy: {used:.3g} J of 1 kWh, by 1 CPU package." in (folder / "card.md").read_text()


def test_what_was_used_before_an_interruption_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    zone, folder = make_zone(tmp_path, "0", "package-0", 900_000), tmp_path / "run"
    assert run(folder, Using(zone, "search"), tmp_path, "energy=1kWh") == 128 + signal.SIGTERM
    (zone / "energy_uj").write_text("5")  # used by others
    again = Using(zone)
    assert run(folder, again, tmp_path, "energy=1kWh") == 0
    state = read_state(folder)
    assert state is not None
    assert state.joules == pytest.approx(0.2 * (3 + len(again.called)))
    assert state.stages["search"].joules == pytest.approx(0.4)
    said = capsys.readouterr().out
    assert f"energy   {state.joules:.3g} J of 1 kWh" in said


def test_energy_is_reported_where_it_is_no_limit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path / "run", Using(make_zone(tmp_path, "0", "package-0", 0)), tmp_path, "budget=1h")
    assert "J, by 1 CPU package" in capsys.readouterr().out
    run(tmp_path / "other", Commands(), tmp_path / "none", "budget=1h")
    assert "energy  " not in capsys.readouterr().out


def test_a_stated_power_makes_energy_a_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commands, words = Commands(), ["energy=0.1kWh", "power=200W"]
    assert run(tmp_path, commands, tmp_path / "none", *words, "--dry-run") == 0
    assert {"energy=360000J", "power=200W"} < set(commands.called[0])
    said = capsys.readouterr().out
    assert "energy 100 Wh, spent " in said
    assert "; the rest lasts 30 min 0 s at 200 W" in said
    row = next(line.split() for line in said.splitlines() if line.startswith("baseline"))
    assert row[-4:] == ["30", "s", "1.67", "Wh"]
    assert run(tmp_path, commands, tmp_path / "none", *words) == 0
    assert "Wh, by time at 200 W" in (tmp_path / "card.md").read_text()


def test_an_energy_below_the_baseline_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"its test, which take \d+ s, 2\.\d+ Wh; give more"):
        run(tmp_path, Commands(), tmp_path / "none", "energy=1Wh", "power=200W")
