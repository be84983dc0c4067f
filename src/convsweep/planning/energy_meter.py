"""The energy that this machine has used, by the counters of its processors.

Counted is what whole CPU packages and GPUs take, by all processes on them; not memory modules,
disks and the losses of the power supply.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from convsweep.cli.energy import parse_energy, parse_power, power_text
from convsweep.errors import UserError

POWERCAP = Path("/sys/class/powercap")
NVIDIA_DRIVER = Path("/proc/driver/nvidia")


class EnergyCounter(Protocol):
    """A counter of the energy that something has used."""

    kind: str

    def joules(self) -> float:
        """Return the energy since the counter was made."""


class CpuPackage:
    """A CPU package, by the kernel's powercap interface (RAPL of Intel and AMD).

    Its counter begins again at zero after some minutes to hours, so it must be read more often.

    Args:
        zone: folder of the package in `/sys/class/powercap`.

    Raises:
        OSError: the counter cannot be read.
    """

    kind = "CPU package"

    def __init__(self, zone: Path) -> None:
        self._file = zone / "energy_uj"
        self._range = int((zone / "max_energy_range_uj").read_text()) + 1
        self._last, self._total = self._read(), 0

    def _read(self) -> int:
        return int(self._file.read_text())

    def joules(self) -> float:
        """Return the energy since the counter was made."""
        now = self._read()
        self._total += (now - self._last) % self._range
        self._last = now
        return self._total / 1e6


class NvidiaGpu:
    """An NVIDIA GPU from Volta on, by its driver.

    Args:
        nvml: the module `pynvml`, initialised.
        handle: of the GPU.

    Raises:
        pynvml.NVMLError: the GPU has no counter.
    """

    kind = "GPU"

    def __init__(self, nvml: Any, handle: Any) -> None:
        self._nvml, self._handle = nvml, handle
        self._first = self._read()

    def _read(self) -> int:
        return int(self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle))

    def joules(self) -> float:
        """Return the energy since the counter was made."""
        return (self._read() - self._first) / 1e3


class StatedPower:
    """A machine whose mean power is stated, and whose energy follows by time.

    Args:
        watts: the power.
    """

    def __init__(self, watts: float) -> None:
        self.kind = f"time at {power_text(watts)}"
        self._watts, self._began = watts, time.monotonic()

    def joules(self) -> float:
        """Return the energy since the counter was made."""
        return self._watts * (time.monotonic() - self._began)


@dataclass(frozen=True)
class EnergyMeter:
    """The counters of this machine.

    Attributes:
        counters: what is counted; none: nothing can be.
        why_not: why other parts cannot be counted, a sentence each.
    """

    counters: Sequence[EnergyCounter]
    why_not: Sequence[str] = ()

    def joules(self) -> float:
        """Return the energy since the meter was made."""
        return sum(counter.joules() for counter in self.counters)

    def watts_over(self, seconds: float) -> float:
        """Return the mean power over some seconds, in which this thread waits."""
        joules, began = self.joules(), time.monotonic()
        time.sleep(seconds)
        return (self.joules() - joules) / (time.monotonic() - began)

    def __str__(self) -> str:
        kinds = [counter.kind for counter in self.counters]
        counts = {kind: kinds.count(kind) for kind in kinds}
        return " and ".join(
            kind if kind.startswith("time") else f"{count} {kind}{'s' if count > 1 else ''}"
            for kind, count in counts.items()
        )


@dataclass(frozen=True)
class EnergyLimit:
    """An energy that lasts as long as the machine's power says.

    Attributes:
        joules: the energy.
        watts: the stated power; None: it is measured.
        meter: which measures it.
    """

    joules: float
    watts: float | None
    meter: EnergyMeter


def energy_limit(energy: str, power: str | None, powercap: Path = POWERCAP) -> EnergyLimit:
    """Return the limit that two words of a command line give.

    Args:
        energy: such as `0.2kWh`.
        power: such as `150W`; None: it is measured.
        powercap: folder of the kernel's powercap interface.

    Raises:
        UserError: a word has a wrong form, or nothing on this machine counts energy.
    """
    joules = parse_energy(energy)
    watts = None if power is None else parse_power(power)
    meter = make_meter(watts, powercap)
    check_measurable(meter)
    return EnergyLimit(joules, watts, meter)


def make_meter(watts: float | None, powercap: Path = POWERCAP) -> EnergyMeter:
    """Return the meter of a stated power, or of this machine.

    Args:
        watts: the stated power; None: it is measured.
        powercap: folder of the kernel's powercap interface.
    """
    if watts is not None:
        return EnergyMeter([StatedPower(watts)])
    packages, no_package = cpu_packages(powercap)
    gpus, no_gpu = nvidia_gpus()
    return EnergyMeter([*gpus, *packages], [text for text in (no_gpu, no_package) if text])


def check_measurable(meter: EnergyMeter) -> None:
    """Check that a meter counts something.

    Raises:
        UserError: it does not.
    """
    if not meter.counters:
        raise UserError(
            "energy= needs a counter of energy, but this machine shows none"
            f" ({'; '.join(meter.why_not)}); add the machine's mean power, as in power=150W, or"
            " limit the time: budget=30min"
        )


def cpu_packages(powercap: Path) -> tuple[list[CpuPackage], str]:
    """Return the counters of the CPU packages, and why one cannot be read; empty if all can.

    Args:
        powercap: folder of the kernel's powercap interface.
    """
    # other zones are parts of these, or the whole platform
    zones = [
        zone
        for zone in sorted(powercap.glob("intel-rapl:*"))
        if (zone / "name").is_file() and (zone / "name").read_text().startswith("package")
    ]
    if not zones:
        return [], f"CPU packages: {powercap} has none"
    try:
        return [CpuPackage(zone) for zone in zones], ""
    except OSError as error:
        return [], f"CPU packages: {error.filename}: {error.strerror}"


def nvidia_gpus() -> tuple[list[NvidiaGpu], str]:
    """Return the counters of the NVIDIA GPUs that CUDA may use, and why there are none; empty if
    there are.
    """
    if find_spec("pynvml") is None:
        if not NVIDIA_DRIVER.is_dir():
            return [], "NVIDIA GPUs: there is none"
        return [], "NVIDIA GPUs: run pip install 'convsweep[energy]'"
    import pynvml

    try:
        pynvml.nvmlInit()
        gpus = [NvidiaGpu(pynvml, handle) for handle in visible_gpus(pynvml)]
    except pynvml.NVMLError as error:
        return [], f"NVIDIA GPUs: {error}"
    return gpus, "" if gpus else "NVIDIA GPUs: CUDA may use none"


def visible_gpus(nvml: Any) -> list[Any]:
    """Return the handles of the GPUs that CUDA may use.

    Args:
        nvml: the module `pynvml`, initialised.
    """
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        return [nvml.nvmlDeviceGetHandleByIndex(n) for n in range(nvml.nvmlDeviceGetCount())]
    return [
        nvml.nvmlDeviceGetHandleByIndex(int(name))
        if name.isdigit()
        else nvml.nvmlDeviceGetHandleByUUID(name)
        for name in map(str.strip, named.split(","))
        if name
    ]
