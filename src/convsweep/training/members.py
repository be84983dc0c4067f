"""The checkpoints that a name on the command line refers to: of one network, or of an ensemble."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from convsweep.errors import UserError
from convsweep.run_folder import BEST, CHECKPOINTS, CONFIG
from convsweep.training.trained import checkpoint_of
from hydra_study import SweepPaths

# Keys in which the runs of an ensemble may differ.
VARIED = ("seed", "data.seed", "data.fold")
# Keys that hold the run's folder, or change no network.
ELSEWHERE = ("trainer.default_root_dir", "callbacks", "logger", "name", "tags")


def checkpoints_of(named: Path) -> list[Path]:
    """Return the checkpoint that is named, or those of a folder (or a trial) of runs that differ
    in fold and seed alone.

    Raises:
        UserError: there is none, or a checkpoint is named twice.
    """
    folder = _winner(named) or named
    runs = members_in(folder)
    return [run / CHECKPOINTS / BEST for run in runs] if runs else [checkpoint_of(named)]


def is_network(named: str | Path) -> bool:
    """Return whether a name on the command line refers to a trained network, not to samples."""
    path = Path(named)
    if path.is_file():
        return path.suffix == ".ckpt"
    return path.is_dir() and (
        (path / CHECKPOINTS / BEST).is_file()
        or SweepPaths(path).journal.is_file()
        or SweepPaths(path).winner() is not None
        or bool(members_in(path))
    )


def split_networks(named: Sequence[str | Path]) -> tuple[list[Path], list[Path]]:
    """Return the networks that a command line begins with, and what follows them: samples. The
    first one is always a network.
    """
    paths = [Path(each) for each in named]
    count = next((i for i, path in enumerate(paths[1:], 1) if not is_network(path)), len(paths))
    twice = [path for path in paths[:count] if paths[:count].count(path) > 1]
    if twice:
        raise UserError(
            f"the networks of an ensemble must be different ones, but {twice[0]} is named twice"
        )
    return paths[:count], paths[count:]


def members_in(folder: Path) -> list[Path]:
    """Return the runs directly below a folder, by fold and seed, if there are several and they
    differ in nothing else; else none.
    """
    if (
        not folder.is_dir()
        or (folder / CHECKPOINTS).is_dir()
        or SweepPaths(folder).journal.exists()
    ):
        return []
    runs = [path.parents[1] for path in folder.glob(f"*/{CHECKPOINTS}/{BEST}")]
    if len(runs) < 2 or not all((run / CONFIG).is_file() for run in runs):
        return []
    told = [(varied_and_rest(run / CONFIG), run) for run in runs]
    if any(rest != told[0][0][1] for (_varied, rest), _run in told):
        return []
    return [run for _, run in sorted(told, key=lambda one: (str(one[0][0]), one[1].name))]


def varied_and_rest(config: Path) -> tuple[list[Any], Any]:
    """Return fold and seeds of a run's config, and the rest of it."""
    cfg = OmegaConf.load(config)
    plain = OmegaConf.to_container(cfg)
    assert isinstance(plain, dict)
    return [OmegaConf.select(cfg, key) for key in VARIED], without(plain, (*VARIED, *ELSEWHERE))


def without(config: Mapping[Any, Any], keys: Sequence[str]) -> dict[str, Any]:
    """Return a config without these keys (`data.fold`)."""
    found: dict[str, Any] = {}
    for name, value in config.items():
        inner = [key.partition(".")[2] for key in keys if key.startswith(f"{name}.")]
        if name not in keys:
            found[str(name)] = without(value, inner) if isinstance(value, Mapping) else value
    return found


def _winner(named: Path) -> Path | None:
    """Return the folder of a sweep's best trial; None if there is no such sweep."""
    if not named.is_dir() or (named / CHECKPOINTS / BEST).is_file():
        return None
    paths = SweepPaths(named)
    winner = paths.winner()
    return None if winner is None else paths.trial(winner)
