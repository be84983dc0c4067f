"""An energy is turned into time by the power in training."""

from dataclasses import replace
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from convsweep.data.sources.digits import Digits
from convsweep.errors import UserError
from convsweep.planning import baseline
from convsweep.planning.baseline import Baseline, measure_watts
from convsweep.planning.command import take_limits
from convsweep.planning.energy_meter import EnergyLimit, EnergyMeter, StatedPower, energy_limit
from convsweep.planning.measure import Measured
from convsweep.planning.plan import make_plan
from convsweep.planning.rules.pace import TRIALS, check_budget

from .test_energy_meter import make_zone
from .test_plan import a_look, a_pace, decided

DIGITS = ["data=digits", "data.max_train=200", "optimizer.lr=0.004", "trainer.accelerator=cpu"]


def test_the_power_is_measured_in_training(tmp_path: Path) -> None:
    meter = EnergyMeter([StatedPower(200.0)])
    plan = make_plan(DIGITS, tmp_path, None, EnergyLimit(200.0 * 3600, None, meter)).plan
    assert plan.watts == pytest.approx(200, rel=0.01)
    assert plan.num_trials > TRIALS, "as many as an hour holds, not as without a limit"


def test_the_power_of_a_search_is_that_of_all_its_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    cfg = OmegaConf.create({"trainer": {"accelerator": "gpu"}})
    pace = replace(a_pace(100.0), speed=Measured(1.0, 1.0, None, 9, watts=500.0))
    monkeypatch.setattr(baseline, "try_width", lambda *_, **__: Baseline(cfg, pace, {}))
    monkeypatch.setattr(baseline, "num_devices", lambda accelerator: 4)
    meter = EnergyMeter([StatedPower(100.0)])  # at rest
    for slots, watts in ((1, 500), (2, 900), (8, 1700)):
        found = measure_watts(decided(), a_look(1, 28, 28), Digits(), meter, slots)
        assert found == pytest.approx(watts, rel=0.01)


def test_counters_that_stand_still_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    make_zone(tmp_path / "powercap", "0", "package-0", 7)
    with pytest.raises(UserError, match=r"the 1 CPU package stood still .* power=150W"):
        make_plan(DIGITS, tmp_path, None, energy_limit("1Wh", None, tmp_path / "powercap"))


def test_an_energy_that_is_too_small_is_refused_in_its_unit() -> None:
    with pytest.raises(UserError, match=r"which 10 s do not pay; set budget=\d+min"):
        check_budget(a_pace(10.0), 10.0, "")
    with pytest.raises(UserError, match=r"which 10 s do not pay; set energy=[\d.]+Wh"):
        check_budget(a_pace(10.0), 10.0, "", 100.0)


def test_limits_are_taken_from_the_command_line() -> None:
    words = ["data=digits", "budget=1h", "energy=30Wh", "power=90W"]
    overrides, seconds, energy = take_limits(words)
    assert (overrides, seconds) == (["data=digits"], 3600)
    assert energy is not None
    assert (energy.joules, energy.watts) == (108_000, 90)
    with pytest.raises(UserError, match=r"say energy=0\.2kWh too"):
        take_limits(["data=digits", "power=90W"])
