"""What one does next with a run or a search, as commands to type."""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode

from convsweep.cli.console import console, short_path
from convsweep.cli.shell_command import shell_command
from hydra_study import SweepPaths


def say_next_of_run(folder: Path) -> None:
    """Print what one does next with a trained network."""
    run = short_path(folder)
    say_commands(
        (("evaluate", run), "classes, confusions, the worst samples"),
        (("report", run), "curves and scores as a page"),
        (("predict", run, "FILES"), "apply it"),
        (("export", run), "write it as torch.export and ONNX programs"),
    )


def say_next_of_search() -> None:
    """Print what one does next with the search of this process, if it was one and has a winner."""
    if not HydraConfig.initialized() or HydraConfig.get().mode != RunMode.MULTIRUN:
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
    """Print commands, and what each is for."""
    lines = [(shell_command(*words), purpose) for words, purpose in commands]
    width = max(len(line) for line, _ in lines)
    text = "\n".join(f"  {line:<{width}}  # {purpose}" for line, purpose in lines)
    console.print(f"next:\n{text}", soft_wrap=True, markup=False)
