"""The start of a run: its folder, what an earlier start has left in it, and what differs."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from convsweep.auto.context import StageContext
from convsweep.auto.files import Files
from convsweep.auto.process import (
    Execute,
    ReportedError,
    alone,
    end_earlier_process,
    run_process,
)
from convsweep.auto.request import AutoRequest
from convsweep.auto.run import MISTAKE, AutoRun, Fingerprint, print_summary
from convsweep.auto.state import State, check_same_folder, check_same_request, read_state
from convsweep.cli.console import say
from convsweep.errors import UserError
from convsweep.planning.command import default_folder
from convsweep.planning.energy_meter import (
    POWERCAP,
    EnergyMeter,
    check_measurable,
    make_meter,
)


def auto(
    request: AutoRequest,
    execute: Execute = run_process,
    fingerprint: Fingerprint | None = None,
    powercap: Path = POWERCAP,
) -> int:
    """Run all stages that are left, and return the exit code.

    Args:
        request: the command line.
        execute: runs a command.
        fingerprint: of the data, by the overrides; None: of its files.
        powercap: folder of the kernel's counters of energy.

    Raises:
        UserError: the request does not fit the folder or the machine, or a stage has failed.
    """
    meter = meter_of(request, powercap)
    folder = request.folder or free_folder(request)
    with suppress(ReportedError), new_folder(folder), alone(folder):
        state = read_state(folder) or State([*request.overrides, *request.engine])
        check_same_request(state, [*request.overrides, *request.engine], folder)
        end_earlier_process(folder, state.pid, say)
        if state.is_finished:
            say(f"{folder} is finished; for another run choose another folder=FOLDER")
            print_summary(StageContext(request, folder, state))
            return 0
        check_same_folder(state, folder)
        state.folder = str(folder.resolve())
        context = StageContext(request, folder, state)
        return AutoRun(context, execute, fingerprint or data_fingerprint, meter).go()
    return MISTAKE


def meter_of(request: AutoRequest, powercap: Path) -> EnergyMeter:
    """Return what counts the energy of a run; without a limit of energy it may count nothing.

    Args:
        request: the command line.
        powercap: folder of the kernel's counters of energy.

    Raises:
        UserError: energy is the limit, and nothing counts it.
    """
    is_counted = request.watts is not None or request.is_on_this_machine
    meter = make_meter(request.watts, powercap) if is_counted else EnergyMeter([])
    if request.joules is not None and request.watts is None:
        check_measurable(meter)
        missing = f"; not counted: {'; '.join(meter.why_not)}" if meter.why_not else ""
        say(f"energy is counted by {meter}{missing}")
    return meter


@contextmanager
def new_folder(folder: Path) -> Iterator[None]:
    """Make a folder, and remove it again if a mistake is found before there is a plan."""
    made = [each for each in (folder, folder.parent) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except (UserError, ReportedError):
        if made and not Files(folder).plan:
            shutil.rmtree(folder)
            with suppress(OSError):  # another run is in it by now
                for parent in made[1:]:
                    parent.rmdir()
        raise


def free_folder(request: AutoRequest) -> Path:
    """Return the folder of an earlier start with the same overrides, or the first free one."""
    name = default_folder(request.overrides).name
    number = 1
    while True:
        folder = Path("auto") / f"{name}_{number}"
        state = read_state(folder)
        if state is None or sorted(state.overrides) == sorted(
            [*request.overrides, *request.engine]
        ):
            return folder
        number += 1


def data_fingerprint(overrides: list[str]) -> dict[str, str]:
    """Return the fingerprint of the data as it is now."""
    from convsweep.data.files.fingerprints import fingerprint_files, own_folder
    from convsweep.planning.given import parse_given

    return fingerprint_files(own_folder(parse_given(overrides).compose().data))
