"""Next commands: for a run and for a search, printed when they end."""

import os
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode

from convsweep.cli.console import console, short_path
from convsweep.cli.shell_command import shell_command
from hydra_study import SweepPaths

# What suggests the trainings of a confirmation, which prints its own next commands.
OF_CONFIRMATION = "convsweep.review.confirm.jobs.suggest"

# The environment variable by which `convsweep auto` leaves them out of its stages, after which it
# goes on by itself: evaluating the baseline, say, would look at the test part too early.
NEXT, NO_NEXT = "CONVSWEEP_NEXT", "none"


def says_next() -> bool:
    """Return whether next commands are printed."""
    return os.environ.get(NEXT) != NO_NEXT


def say_next_of_run(folder: Path) -> None:
    """Print the commands that use a trained network."""
    run = short_path(folder)
    say_commands(
        (("evaluate", run), "scores in full, the worst samples"),
        (("report", run), "curves and scores as a page"),
        (("predict", run, "FILES"), "apply it"),
        (("export", run), "write it as torch.export and ONNX programs"),
    )


def say_next_of_search() -> None:
    """Print the commands that use a search, if this process was one and it has a winner."""
    if not HydraConfig.initialized() or HydraConfig.get().mode != RunMode.MULTIRUN:
        return
    if HydraConfig.get().sweeper.get("suggest") == OF_CONFIRMATION:
        return
    place = Path(str(HydraConfig.get().sweep.dir))
    if SweepPaths(place.absolute()).winner() is None:
        return
    sweep = short_path(place.absolute())
    say_commands(
        (("report", sweep), "trials, importance of the parameters, the winner"),
        (("confirm", sweep), "whether the winner is better, by several seeds"),
        (("export", sweep), "write the winner as torch.export and ONNX programs"),
        (
            ("train", "--config-dir", sweep, "--config-name", "best"),
            "train the winner again, with its test score",
        ),
    )


def say_commands(*commands: tuple[tuple[str, ...], str]) -> None:
    """Print commands, and what each is for, unless the environment leaves them out."""
    if not says_next():
        return
    lines = [(shell_command(*words), purpose) for words, purpose in commands]
    width = max(len(line) for line, _ in lines)
    text = "\n".join(f"  {line:<{width}}  # {purpose}" for line, purpose in lines)
    console.print(f"next:\n{text}", soft_wrap=True, markup=False)
