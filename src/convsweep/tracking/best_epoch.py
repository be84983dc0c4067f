"""Base of callbacks that capture results of the best validation and publish them at the end."""

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
# Trials shorter than this publish no pictures, which would take a noticeable part of their time.
SHORT_TRIAL_S = 60.0


class BestEpochCallback(Callback, ABC):
    """Calls `capture` after each validation that is the best so far, and `publish` once at the end
    or on Ctrl-C.

    Errors in either are logged once and disable the callback; training continues.
    """

    def __init__(self) -> None:
        self._is_broken = False
        self._began = time.monotonic()

    @abstractmethod
    def capture(self, trainer: Trainer, module: LightningModule) -> None:
        """Keep the results to publish; called on every rank."""

    @abstractmethod
    def publish(self, trainer: Trainer, module: LightningModule) -> None:
        """Write the captured results; called on rank 0."""

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
        # Ctrl-C may end a sufficient training; after SIGTERM or an error there is no time for
        # pictures.
        if isinstance(exception, KeyboardInterrupt) and trainer.state.fn == "fit":
            self._publish(trainer, pl_module)

    def may_publish(self, trainer: Trainer) -> bool:
        """Return whether a trial may last long enough for pictures, estimated by twice the time of
        its epochs so far.
        """
        if not trial.in_trial() or trainer.max_epochs in (None, -1):
            return True
        expected = (
            (time.monotonic() - self._began) / (trainer.current_epoch + 1) * trainer.max_epochs
        )
        return 2 * expected > SHORT_TRIAL_S

    def suits_task(self, task: Task) -> bool:
        """Return whether there is anything to publish for a task: if it has classes, unless
        overridden.
        """
        return task.has_classes

    def suits(self, module: LightningModule) -> bool:
        """Return whether there is anything to publish for a model; one without a `task` counts as a
        classifier.
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
        """Log an error of the block and disable this callback."""
        try:
            yield
        except Exception as problem:
            if not self._is_broken:
                log.warning(
                    "%s failed (%s: %s); training continues.",
                    type(self).__name__,
                    type(problem).__name__,
                    problem,
                )
            self._is_broken = True


def is_rehearsal(trainer: Trainer) -> bool:
    """Return whether the trainer only tries one batch (`fast_dev_run`), without loggers."""
    return bool(getattr(trainer, "fast_dev_run", False))


def best_epoch(trainer: Trainer) -> int:
    """Return the best epoch, counted from 0 as in loggers; the current one if none was measured."""
    epoch = best_scores(trainer).epoch
    return epoch - 1 if epoch else trainer.current_epoch


def picture_path(trainer: Trainer, name: str) -> Path:
    """Return the path `pictures/name` in the run folder, creating its folder."""
    files = [logger.path.parent for logger in trainer.loggers if isinstance(logger, MetricsFile)]
    path = (files[0] if files else Path(trainer.default_root_dir)) / FOLDER / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def wandb_logger(trainer: Trainer) -> WandbLogger | None:
    """Return the trainer's W&B logger if it logs to a run, else None."""
    found = (
        logger for logger in trainer.loggers if isinstance(logger, WandbLogger) and logger.is_active
    )
    return next(found, None)


def class_names(trainer: Trainer, num_classes: int) -> list[str]:
    """Return the data set's class names, or numbers if there are none."""
    info = getattr(getattr(trainer, "datamodule", None), "info", None)
    return (
        list(info.class_names) if info is not None else [str(index) for index in range(num_classes)]
    )
