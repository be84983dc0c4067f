"""Callbacks that keep something of the best validation and publish it when the training ends."""

import contextlib
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from convsweep.task import CLASSIFICATION, Task, find_task
from convsweep.tracking.best_scores import best_scores
from convsweep.tracking.metrics_file import MetricsFile
from convsweep.tracking.wandb.logger import WandbLogger
from hydra_study import trial

log = logging.getLogger(__name__)

FOLDER = "pictures"
# A sweep's trial that trains no longer than this leaves no pictures: drawing would take a part of
# its time.
SHORT_TRIAL_S = 60.0


class BestEpochCallback(Callback, ABC):
    """Call `capture` after each validation that is the best so far, and `publish` once at the end
    or on Ctrl-C.

    Neither can stop a training: what goes wrong in them is said once, and they are left out from
    then on.
    """

    def __init__(self) -> None:
        self._is_broken = False
        self._began = time.monotonic()

    @abstractmethod
    def capture(self, trainer: Trainer, module: LightningModule) -> None:
        """Keep what shall be published; called on every rank."""

    @abstractmethod
    def publish(self, trainer: Trainer, module: LightningModule) -> None:
        """Write what was kept; called on rank 0."""

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._capture_best(trainer, pl_module, of_training=False)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._capture_best(trainer, pl_module, of_training=True)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._began = time.monotonic()

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trial.in_trial() or time.monotonic() - self._began > SHORT_TRIAL_S:
            self._publish(trainer, pl_module)

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        # Whoever presses Ctrl-C may have seen enough; who is killed or fails has no time for
        # pictures.
        if isinstance(exception, KeyboardInterrupt) and trainer.state.fn == "fit":
            self._publish(trainer, pl_module)

    def may_publish(self, trainer: Trainer) -> bool:
        """Return whether a training may last so long, by twice what its epochs took up to now, that
        it leaves pictures.
        """
        if not trial.in_trial() or trainer.max_epochs in (None, -1):
            return True
        expected = (
            (time.monotonic() - self._began) / (trainer.current_epoch + 1) * trainer.max_epochs
        )
        return 2 * expected > SHORT_TRIAL_S

    def suits_task(self, task: Task) -> bool:
        """Return whether there is anything to publish of a task: of classes, unless overridden."""
        return task.has_classes

    def suits(self, module: LightningModule) -> bool:
        """Return whether there is anything to publish of a model; one that does not say is taken
        for a classifier.
        """
        info: Any = getattr(module, "info", None)
        return self.suits_task(find_task(CLASSIFICATION) if info is None else info.kind)

    def _capture_best(self, trainer: Trainer, module: LightningModule, of_training: bool) -> None:
        if (
            trainer.sanity_checking
            or trainer.state.fn != "fit"
            or is_rehearsal(trainer)
            or not self.suits(module)
        ):
            return
        best = best_scores(trainer)
        if best.is_new and best.is_of_training == of_training and self.may_publish(trainer):
            with self.harmless():
                self.capture(trainer, module)

    def _publish(self, trainer: Trainer, module: LightningModule) -> None:
        if trainer.is_global_zero and not is_rehearsal(trainer) and self.suits(module):
            with self.harmless():
                self.publish(trainer, module)

    @contextlib.contextmanager
    def harmless(self) -> Iterator[None]:
        """Let the training go on where the block fails."""
        try:
            yield
        except Exception as problem:
            if not self._is_broken:
                log.warning(
                    "%s failed (%s: %s); training goes on.",
                    type(self).__name__,
                    type(problem).__name__,
                    problem,
                )
            self._is_broken = True


def is_rehearsal(trainer: Trainer) -> bool:
    """Say whether the trainer only tries one batch, in which case it has no loggers."""
    return bool(getattr(trainer, "fast_dev_run", False))


def best_epoch(trainer: Trainer) -> int:
    """Return the best epoch, counted from 0 as loggers count; the current one where none was
    measured.
    """
    epoch = best_scores(trainer).epoch
    return epoch - 1 if epoch else trainer.current_epoch


def picture_path(trainer: Trainer, name: str) -> Path:
    """Return `pictures/name` in the run folder, whose parent exists."""
    files = [logger.path.parent for logger in trainer.loggers if isinstance(logger, MetricsFile)]
    path = (files[0] if files else Path(trainer.default_root_dir)) / FOLDER / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def wandb_logger(trainer: Trainer) -> WandbLogger | None:
    """Return the trainer's W&B logger, if it has one that logs to a run."""
    found = (
        logger for logger in trainer.loggers if isinstance(logger, WandbLogger) and logger.is_active
    )
    return next(found, None)


def class_names(trainer: Trainer, num_classes: int) -> list[str]:
    """Return the data set's class names, or numbers where it states none."""
    info = getattr(getattr(trainer, "datamodule", None), "info", None)
    return (
        list(info.class_names) if info is not None else [str(index) for index in range(num_classes)]
    )
