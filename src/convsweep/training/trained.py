"""Loading of trained networks, named by a checkpoint, a run folder, or a sweep folder (its
winner); several are an ensemble.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convsweep.cli.shell_command import shell_command
from convsweep.errors import UserError
from convsweep.run_folder import BEST, CHECKPOINTS
from hydra_study import SweepPaths

if TYPE_CHECKING:
    import torch

    from convsweep.data.samples import DataInfo
    from convsweep.models.base import Model
    from convsweep.task import Task


@dataclass(frozen=True)
class Trained:
    """A model in evaluation mode on its device, and its checkpoint.

    Args:
        model: the model, which answers for all networks of an ensemble.
        checkpoint: of the network, or of the first of an ensemble.
        device: of the model.
        others: the further networks of an ensemble.
    """

    model: "Model"
    checkpoint: Path
    device: "torch.device"
    others: tuple["Trained", ...] = ()

    @property
    def members(self) -> tuple["Trained", ...]:
        """The networks of an ensemble, or the one."""
        return (self, *self.others)

    @property
    def checkpoints(self) -> dict[str, Any]:
        """The checkpoint for a record, or those of an ensemble."""
        paths = [str(member.checkpoint) for member in self.members]
        return {"checkpoints": paths} if self.others else {"checkpoint": paths[0]}

    @property
    def info(self) -> "DataInfo":
        """Description of the training data."""
        return self.model.info

    @property
    def data(self) -> dict[str, Any]:
        """The resolved config of the training data, without options that only change the training
        samples.

        Raises:
            UserError: it names something other than a data set.
        """
        from convsweep.data.datamodule import DataModule
        from convsweep.trusted_names import hold

        plain = {
            key: None if key == "augment" else value
            for key, value in self.model.metadata["data"].items()
        }
        return hold(plain, DataModule, f"{self.checkpoint}: data")

    @property
    def permute(self) -> bool:
        """Whether the positions of the training data were permuted."""
        return bool(self.data.get("permute", False))

    @cached_property
    def task(self) -> "Task":
        """The task, with what the trained model adds to it."""
        return self.info.kind.as_trained(self.model)

    @property
    def is_dense(self) -> bool:
        """Whether the network has an output at every position."""
        return self.info.kind.is_dense


def load_trained(
    named: str | Path | Sequence[str | Path], device: str = "auto", batch_size: int = 1
) -> Trained:
    """Load a trained network, or several as an ensemble, whose answers are averaged.

    Args:
        named: a checkpoint, the folder of a run, the folder of a sweep, or a folder of runs that
            differ in fold and seed alone; or several of these.
        device: name of a torch device; `auto` is the fastest available.
        batch_size: of later batches, by which the number of threads is chosen.

    Raises:
        UserError: a checkpoint is missing or cannot be read, the device is not available, or the
            networks cannot form an ensemble.
    """
    from convsweep.training.members import checkpoints_of

    several = [named] if isinstance(named, str | Path) else named
    checkpoints = [path for one in several for path in checkpoints_of(Path(one))]
    from convsweep.training.imports import prepare_imports

    prepare_imports()

    from convsweep.cli.console import quiet_engines, say
    from convsweep.cost import UntraceableError, measure
    from convsweep.models.ensemble import ensemble_of
    from convsweep.training.build import load_model
    from convsweep.training.device import named_device
    from convsweep.training.threads import set_threads

    quiet_engines()
    place = named_device(device)
    models = [load_model(checkpoint, place) for checkpoint in checkpoints]
    try:
        macs = measure(models[0].net, models[0].info.in_shape).macs
    except UntraceableError:
        macs = None
    set_threads("auto", macs, batch_size)
    if len(models) > 1:
        ensemble_of(dict(zip(map(str, checkpoints), models, strict=True)))
        say(f"ensemble of {len(models)} networks")
    first, *others = (
        Trained(model, checkpoint, place)
        for model, checkpoint in zip(models, checkpoints, strict=True)
    )
    return replace(first, others=tuple(others))


def checkpoint_of(named: Path) -> Path:
    """Return the path of the checkpoint.

    Raises:
        UserError: there is none.
    """
    if named.is_file():
        return named
    if re.match(r"[\w+]+:/", str(named)):
        raise UserError(
            f"CHECKPOINT must be a file or a folder, but {named} is the address of a study; name"
            " its sweep's folder"
        )
    if not named.is_dir():
        beside = (
            sorted(path.name for path in named.parent.iterdir()) if named.parent.is_dir() else []
        )
        near = get_close_matches(named.name, beside, n=1)
        rule = (
            "CHECKPOINT must be a .ckpt file, the folder of a run or of a sweep, but there is"
            f" nothing at {named}"
        )
        raise UserError(rule + (f"; did you mean {named.with_name(near[0])}?" if near else ""))
    best = named / CHECKPOINTS / BEST
    if best.is_file():
        return best
    sweep = SweepPaths(named)
    winner = sweep.winner()
    if winner is not None:
        return require_checkpoint(
            sweep.trial(winner) / CHECKPOINTS / BEST,
            f"the winner of {named}, trial {winner}, has no checkpoint",
        )
    rule = (
        f"CHECKPOINT must be a .ckpt file, the folder of a run or of a sweep, but {named} is none"
        " of these"
    )
    others = sorted(named.rglob("*.ckpt"))
    hint = (
        f"name one of the {len(others)} that lie below it, such as {others[0]}"
        if others
        else "no checkpoint lies below it"
    )
    if sweep.journal.is_file():
        rule = f"the sweep {named} has no complete trial yet"
        hint = (
            f"wait for one, or see why by {shell_command('report', str(named))}"
            if not others
            else hint
        )
    raise UserError(f"{rule}; {hint}")


def require_checkpoint(checkpoint: Path, rule: str) -> Path:
    """Return a checkpoint if it exists.

    Raises:
        UserError: it does not.
    """
    if not checkpoint.is_file():
        raise UserError(f"{rule} (no {checkpoint}); name the .ckpt file of another trial")
    return checkpoint
