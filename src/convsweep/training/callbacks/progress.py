"""A progress bar during an epoch, and one line for each finished epoch."""

import signal
import threading
import time
from itertools import pairwise
from statistics import median
from types import FrameType
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import ProgressBar
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from convsweep.cli.console import console, say
from convsweep.cli.duration import duration_text
from convsweep.distributed.sigterm import announce_end
from convsweep.tracking.best_scores import best_scores

# Seconds between two updates of the bar.
REFRESH_S = 0.2
# Seconds and number of steps from which the time left is estimated within the first epoch, by their
# median, as early ones may be slow; and least time left that is said.
ESTIMATE_AFTER_S, ESTIMATE_AFTER_STEPS, LEAST_LEFT_S = 5.0, 3, 10.0
# A first epoch shorter than this, or with a first step that takes more than this share of it, is
# mostly the start, so that the second says the time left.
START_S, START_SHARE = 20.0, 0.5


class EpochLines(ProgressBar):
    """A bar in a terminal, and a line an epoch everywhere; the best epoch so far is starred.

    Args:
        metrics: the metrics of an epoch's line, in this order, before the monitored one; missing
            metrics are left out.
    """

    def __init__(self, metrics: list[str]) -> None:
        super().__init__()
        self.metrics = metrics
        self.bar: Progress | None = None
        self.shown_at = self.started_at = 0.0
        self.validated_epoch = -1
        self.enabled = True
        self.step_ends: list[float] = []
        self.num_epochs = 0
        self.has_estimated = self.has_said_left = False

    def disable(self) -> None:
        self.enabled = False

    def enable(self) -> None:
        self.enabled = True

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Announce at SIGTERM that the training ends; Lightning restores the handler of before."""
        before = signal.getsignal(signal.SIGTERM)

        def announce(signum: int, frame: FrameType | None) -> None:
            announce_end()
            if callable(before):
                before(signum, frame)

        is_main = threading.current_thread() is threading.main_thread()
        if is_main and self.enabled and trainer.is_global_zero and callable(before):
            signal.signal(signal.SIGTERM, announce)

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.started_at = time.perf_counter()
        if self.enabled and trainer.is_global_zero and console.is_terminal:
            text = TextColumn("{task.description}")
            self.bar = Progress(
                text,
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=console,
                transient=True,
            )
            self.bar.start()
            self.task = self.bar.add_task(
                f"epoch {trainer.current_epoch + 1}", total=trainer.num_training_batches
            )

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        now = time.perf_counter()
        if self.num_epochs == 0 and self.enabled and trainer.is_global_zero:
            self.estimate(trainer, batch_idx, now)
        if self.bar is not None and now - self.shown_at > REFRESH_S:
            self.bar.update(self.task, completed=batch_idx + 1)
            self.shown_at = now

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.close()
        if not self.enabled or not trainer.is_global_zero:
            return
        star = " *" if best_scores(trainer).epoch == trainer.current_epoch + 1 else ""
        figures = "  ".join(
            f"{name} {value:.4f}" for name, value in self.epoch_metrics(trainer).items()
        )
        seconds = time.perf_counter() - self.started_at
        say(
            f"epoch {trainer.current_epoch + 1:3d}/{trainer.max_epochs}  {figures}  {seconds:.1f}"
            f" s{star}"
        )
        self.num_epochs += 1
        is_typical = self.num_epochs == 2 or not self.is_mostly_start(seconds)
        if is_typical and not self.has_said_left and trainer.max_epochs:
            self.has_said_left = True
            self.say_left(trainer, (trainer.max_epochs - trainer.current_epoch - 1) * seconds)

    def is_mostly_start(self, seconds: float) -> bool:
        """Return whether a first epoch of so many seconds says little of the others."""
        first = self.step_ends[0] - self.started_at if self.step_ends else 0.0
        return seconds < START_S or first > START_SHARE * seconds

    def estimate(self, trainer: L.Trainer, step: int, now: float) -> None:
        """Say the time left from the steps after the first, once in a long first epoch."""
        if self.has_estimated or not trainer.max_epochs:
            return
        self.step_ends.append(now)
        is_early = now - self.step_ends[0] < ESTIMATE_AFTER_S
        if is_early or len(self.step_ends) <= ESTIMATE_AFTER_STEPS:
            return
        self.has_estimated = True
        step_s = median(end - start for start, end in pairwise(self.step_ends))
        epochs = trainer.max_epochs - trainer.current_epoch
        rest = epochs * float(trainer.num_training_batches) - step - 1
        self.say_left(trainer, rest * step_s, " and validation")

    def say_left(self, trainer: L.Trainer, seconds: float, besides: str = "") -> None:
        """Say the time left, and what may end the training before."""
        if seconds < LEAST_LEFT_S:
            return
        stopping = trainer.early_stopping_callback
        early = (
            ""
            if stopping is None
            else f", less if {stopping.monitor} is not better in {stopping.patience} validations"
            " (early stopping)"
        )
        say(f"about {duration_text(seconds)}{besides} left to epoch {trainer.max_epochs}{early}")

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.validated_epoch = trainer.current_epoch

    def epoch_metrics(self, trainer: L.Trainer) -> dict[str, float]:
        """Return the metrics of this epoch, without those of an earlier validation, which Lightning
        keeps.
        """
        validated, logged = self.validated_epoch == trainer.current_epoch, trainer.callback_metrics
        shown = dict.fromkeys([*self.metrics, best_scores(trainer).monitor])
        names = (
            name for name in shown if name in logged and (validated or not name.startswith("val/"))
        )
        return {name: float(logged[name]) for name in names}

    def on_exception(
        self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the bar."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None
