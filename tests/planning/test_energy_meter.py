"""Counters of energy are found, read and added up."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from convsweep.errors import UserError
from convsweep.planning.energy_meter import StatedPower, check_measurable, energy_limit, make_meter

# What nvidia-ml-py has, of two GPUs and one of an older kind.
NVML = """
class NVMLError(Exception): pass
used = {"0": 5000, "1": 7000, "GPU-b": 7000}
def nvmlInit(): pass
def nvmlDeviceGetCount(): return 2
def nvmlDeviceGetHandleByIndex(index): return str(index)
def nvmlDeviceGetHandleByUUID(uuid): return uuid
def nvmlDeviceGetTotalEnergyConsumption(handle):
    if handle not in used:
        raise NVMLError("Not Supported")
    return used[handle]
"""


def make_zone(powercap: Path, number: str, name: str, microjoules: int) -> Path:
    """Write what Linux shows of a zone, whose counter goes to 999,999 uJ."""
    zone = powercap / f"intel-rapl:{number}"
    zone.mkdir(parents=True)
    for file, text in (("name", name), ("energy_uj", microjoules), ("max_energy_range_uj", 999999)):
        (zone / file).write_text(f"{text}\n")
    return zone


def test_packages_are_added_up_and_their_parts_are_not(tmp_path: Path) -> None:
    one, other, core, platform = (
        make_zone(tmp_path, number, name, 400_000)
        for number, name in (("0", "package-0"), ("1", "package-1"), ("0:0", "core"), ("2", "psys"))
    )
    meter = make_meter(None, tmp_path)
    assert str(meter) == "2 CPU packages"
    assert meter.joules() == 0
    for zone in (one, core, platform):
        (zone / "energy_uj").write_text("900000")
    assert meter.joules() == 0.5
    (other / "energy_uj").write_text("100000")  # over the end: 600,000 up to 1,000,000, and this
    assert meter.joules() == pytest.approx(1.2)
    assert meter.joules() == pytest.approx(1.2), "nothing is counted twice"


def test_what_cannot_be_counted_is_refused_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"this machine shows none .* add the machine's mean power"):
        check_measurable(make_meter(None, tmp_path))
    (make_zone(tmp_path, "0", "package-0", 0) / "energy_uj").unlink()
    with pytest.raises(UserError, match=r"CPU packages: .*energy_uj: No such file") as caught:
        energy_limit("0.2kWh", None, tmp_path)
    assert "power=150W" in str(caught.value)


@pytest.fixture
def nvml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The module of two GPUs."""
    (tmp_path / "pynvml.py").write_text(NVML)
    monkeypatch.syspath_prepend(tmp_path)
    before = sys.modules.pop("pynvml", None)
    yield
    del sys.modules["pynvml"]
    if before is not None:
        sys.modules["pynvml"] = before


@pytest.mark.usefixtures("nvml")
@pytest.mark.parametrize(
    ("visible", "text", "joules"),
    [
        (None, "2 GPUs", 3.0),
        ("1", "1 GPU", 2.0),
        ("0,GPU-b", "2 GPUs", 3.0),
        ("", "", 0.0),
        ("GPU-of-before-Volta", "", 0.0),
    ],
)
def test_gpus_are_those_that_cuda_may_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, visible: str | None, text: str, joules: float
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    meter = make_meter(None, tmp_path / "none")
    import pynvml

    pynvml.used.update({"0": 6000, "1": 9000, "GPU-b": 9000})
    assert (str(meter), meter.joules()) == (text, joules)
    assert any("NVIDIA" in why for why in meter.why_not) == (text == "")


def test_a_stated_power_is_not_measured(tmp_path: Path) -> None:
    limit = energy_limit("30Wh", "150W", tmp_path)
    assert (limit.joules, limit.watts, str(limit.meter)) == (108_000, 150, "time at 150 W")
    counter = StatedPower(1e9)
    assert 0 < counter.joules() <= counter.joules()
