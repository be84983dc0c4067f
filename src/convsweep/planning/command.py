"""`convsweep plan data=... [OVERRIDES] [budget=30min] [folder=FOLDER]`: look at the data and decide
how to train and what to search.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from convsweep.cli import commands
from convsweep.cli.completion import add_overrides
from convsweep.cli.duration import parse_duration
from convsweep.cli.energy import POWER_ALONE
from convsweep.errors import UserError
from convsweep.planning.energy_meter import EnergyLimit, energy_limit

EXAMPLES = {
    "data=image_folder data.root=photos budget=30min": "classes by folder",
    "data=mask_folder data.root=cells data.coding=binary": "images and masks",
}
NOTES = """\
Prints what there is and what is wrong with it, and writes plan.yaml, which `convsweep train
--config-dir FOLDER --config-name plan` runs as it is, and sweeps/search.yaml. Every decision has
its reason as a comment; what you give is kept. See docs/plan.md."""
BUDGET, ENERGY, POWER, FOLDER = "budget=", "energy=", "power=", "folder="


def take(arguments: Sequence[str], prefix: str) -> tuple[list[str], str | None]:
    """Return the arguments without those that begin with a prefix, and the value of the last of
    these.
    """
    found = [text.removeprefix(prefix) for text in arguments if text.startswith(prefix)]
    others = [text for text in arguments if not text.startswith(prefix)]
    return others, found[-1] if found else None


def default_folder(overrides: Sequence[str]) -> Path:
    """Return `plans/NAME`, by the option of the group `data` and the folder of its files."""
    given = dict(text.split("=", 1) for text in overrides if "=" in text)
    own = given.get("data.root", given.get("data.path", given.get("data.dataset", "")))
    name = "_".join(
        part for part in (given.get("data", "data"), Path(own.strip("'\"")).stem) if part
    )
    return Path("plans") / name


def plan(arguments: Sequence[str]) -> None:
    """Make the plan of a command line, print it and write it.

    Raises:
        UserError: see `write_plan`.
    """
    overrides, folder = take(arguments, FOLDER)
    overrides, seconds, energy = take_limits(overrides)
    if not any(text.startswith("data=") for text in overrides):
        raise UserError(
            "a plan needs data; name it, as in: convsweep plan data=image_folder data.root=photos"
            " budget=30min"
        )
    place = default_folder(overrides) if folder is None else Path(folder).expanduser()
    check_early(overrides)
    from convsweep.cli.console import quiet_engines
    from convsweep.planning.folder import write
    from convsweep.planning.plan import make_plan
    from convsweep.planning.text import show, show_look

    quiet_engines()
    planned = make_plan(overrides, place, seconds, energy, show_look)
    write(planned, place)
    show(planned, place)


def take_limits(
    arguments: Sequence[str],
) -> tuple[list[str], float | None, EnergyLimit | None]:
    """Return the arguments without limits, and the time and the energy of everything.

    Raises:
        UserError: a limit has a wrong form, or nothing on this machine counts energy.
    """
    overrides, budget = take(arguments, BUDGET)
    overrides, energy = take(overrides, ENERGY)
    overrides, power = take(overrides, POWER)
    seconds = None if budget is None else parse_duration(budget)
    if energy is None and power is not None:
        raise UserError(POWER_ALONE)
    return overrides, seconds, None if energy is None else energy_limit(energy, power)


def check_early(overrides: Sequence[str]) -> None:
    """Check what can be checked before torch is imported, so that mistakes are reported at once.

    Raises:
        UserError: an override is wrong, the model does not suit the data, or a file, a package or a
            device is missing.
    """
    from convsweep.planning.given import parse_given
    from convsweep.training.early_checks import check_direction, check_no_key_is_missing
    from convsweep.training.quick_checks import (
        check_accelerator,
        check_own_files,
        check_packages,
        check_tasks,
    )

    given = parse_given(overrides)
    cfg = given.compose()
    check_no_key_is_missing(cfg)
    check_direction(cfg)
    if "model" in given.groups:  # else the plan chooses it
        check_tasks(cfg)
    check_own_files(cfg.data)
    check_packages(cfg)
    check_accelerator(str(cfg.trainer.get("accelerator", "auto")))


def main(arguments: list[str]) -> None:
    """Run the command."""
    parser = commands.parser(
        "plan", "Look at the data and decide how to train and what to search.", EXAMPLES, NOTES
    )
    add_overrides(
        parser,
        "train",
        "as `train` takes them; budget=30min: the time for everything, or energy=0.2kWh: its"
        " energy; folder=FOLDER: where to write",
    )
    if {"-h", "--help"} & set(arguments):
        parser.print_help()
        return
    commands.run(lambda: plan(arguments))


if __name__ == "__main__":
    main(sys.argv[1:])
