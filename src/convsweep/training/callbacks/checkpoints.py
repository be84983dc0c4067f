"""Checkpoints of the best and the last epoch, valid after a kill too."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import ModelCheckpoint

from convsweep.distributed.ranks import is_first
from convsweep.errors import UserError
from convsweep.models.schedules import WarmupStableDecay
from convsweep.run_folder import STABLE


class Checkpoints(ModelCheckpoint):
    """Lightning's ModelCheckpoint that also saves the last epoch if it is not the best, the last
    one before a decay of a stable learning rate, and restores the best one in another folder.

    If the last epoch is the best one, it is written once and both names are hard links. Lightning
    saves a last checkpoint only together with a new best one, so that a killed training would
    resume from its best epoch. Lightning also discards the best checkpoint if the folder has
    changed, as for a retried trial or a moved run.

    Args:
        save_top_k: 1, or 0 for none; more would share the file name best.ckpt, which all commands
            use.
        save_last: save the last epoch.
        shared: arguments of Lightning's ModelCheckpoint.

    Raises:
        UserError: `save_top_k` is larger than 1.
    """

    def __init__(self, save_top_k: int = 1, save_last: bool = True, **shared: Any) -> None:
        if save_top_k not in (0, 1):
            rule = (
                "callbacks.checkpoint.save_top_k must be 1, the file best.ckpt, but is"
                f" {save_top_k}"
            )
            raise UserError(f"{rule}; more are kept by a callback of their own, see docs/use.md")
        super().__init__(save_top_k=save_top_k, **shared)
        self.keeps_last = save_last
        self.best_step = -1
        """The step at which this process wrote the best checkpoint, or None."""

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        with self.recording_best_step(trainer):
            super().on_validation_end(trainer, pl_module)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        with self.recording_best_step(trainer):
            super().on_train_epoch_end(trainer, pl_module)
        if self.keeps_last and not trainer.fast_dev_run:  # type: ignore[attr-defined]
            self.save_last_epoch(trainer)
            if is_last_before_decay(trainer):
                trainer.save_checkpoint(Path(str(self.dirpath)) / STABLE, self.save_weights_only)

    @contextmanager
    def recording_best_step(self, trainer: L.Trainer) -> Iterator[None]:
        """Record the step if the block writes a best checkpoint, which changes the best score."""
        before = self.best_model_score
        yield
        if self.best_model_score is not before:
            self.best_step = trainer.global_step

    def save_last_epoch(self, trainer: L.Trainer) -> None:
        """Write last.ckpt, as a link to the best checkpoint if that was written at this step."""
        last = Path(str(self.dirpath)) / f"{self.CHECKPOINT_NAME_LAST}{self.FILE_EXTENSION}"
        is_best = self.best_step == trainer.global_step
        if not (
            is_best
            and trainer.strategy.broadcast(
                is_first() and name_again(Path(self.best_model_path), last)
            )
        ):
            trainer.save_checkpoint(last, self.save_weights_only)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore a state with its best checkpoints in this folder; if they are missing, Lightning
        starts afresh.
        """
        own = Path(str(self.dirpath))
        best = [Path(path) for path in state_dict["best_k_models"]]
        if Path(state_dict["dirpath"]) != own and best and all(bring(path, own) for path in best):
            here = {
                name: str(own / Path(state_dict[name]).name) for name in PATHS if state_dict[name]
            }
            scores = {
                str(own / Path(path).name): score
                for path, score in state_dict["best_k_models"].items()
            }
            state_dict = {**state_dict, **here, "best_k_models": scores, "dirpath": self.dirpath}
        super().load_state_dict(state_dict)


def is_last_before_decay(trainer: L.Trainer) -> bool:
    """Return whether the learning rate is stable, and decays within the next epoch."""
    epochs = trainer.max_epochs or 0
    for config in trainer.lr_scheduler_configs:
        if isinstance(config.scheduler, WarmupStableDecay) and epochs > 0:
            left = config.scheduler.decay_start - trainer.global_step
            return 0 <= left < trainer.estimated_stepping_batches / epochs
    return False


# Further keys of the state that name files.
PATHS = ("best_model_path", "kth_best_model_path", "last_model_path")


def name_again(checkpoint: Path, name: Path) -> bool:
    """Create a hard link to a checkpoint; return whether that was possible (a single file, on a
    disk with links).
    """
    part = name.with_suffix(".part")
    part.unlink(missing_ok=True)
    try:
        os.link(checkpoint, part)
    except OSError:
        return False
    part.replace(name)
    return True


def bring(checkpoint: Path, folder: Path) -> bool:
    """Copy a checkpoint to a folder unless it has one of that name; return whether it exists there
    now.
    """
    target = folder / checkpoint.name
    if target.is_file() or not checkpoint.is_file():
        return target.is_file()
    if is_first():
        folder.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(".part")
        shutil.copyfile(checkpoint, part)
        part.replace(target)
    return True
