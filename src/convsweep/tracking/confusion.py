"""Confusion matrices of validation and test, published as picture, CSV and W&B chart."""

from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from convsweep.pictures.drawing import draw_confusion
from convsweep.tracking.best_epoch import (
    BestEpochCallback,
    best_epoch,
    class_names,
    picture_path,
    wandb_logger,
)
from convsweep.tracking.wandb.media import confusion_chart


class ConfusionMatrix(BestEpochCallback):
    """Publishes `pictures/confusion_val` of the best validation and `pictures/confusion_test` of
    the test, as .png and .csv.

    Counts samples, or positions of a segmentation, by true class (row) and predicted class
    (column). Predictions are taken from the model's forward pass in `validation_step` by a hook,
    not computed again.
    """

    def __init__(self) -> None:
        super().__init__()
        self.counts: Tensor | None = None
        self.best_counts: Tensor | None = None
        self._logits: Tensor | None = None
        self._hook: Any = None

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.counts = None  # no counts for an epoch without validation

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.suits(pl_module):
            self._listen(pl_module)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.suits(pl_module):
            self._listen(pl_module)

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, *rest: Any
    ) -> None:
        self._count(trainer, batch=rest[1])

    def on_test_batch_end(self, trainer: Trainer, pl_module: LightningModule, *rest: Any) -> None:
        self._count(trainer, batch=rest[1])

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._unlisten()
        super().on_validation_end(trainer, pl_module)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._unlisten()
        with self.harmless():
            counts = self._all_counts(trainer)
            if trainer.is_global_zero and counts is not None:
                # the test uses the best checkpoint
                publish_confusion(trainer, "test", counts, best_epoch(trainer))

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        self._unlisten()
        super().on_exception(trainer, pl_module, exception)

    def capture(self, trainer: Trainer, module: LightningModule) -> None:
        self.best_counts = self._all_counts(trainer)

    def publish(self, trainer: Trainer, module: LightningModule) -> None:
        if self.best_counts is not None:
            publish_confusion(trainer, "val", self.best_counts, best_epoch(trainer))

    def state_dict(self) -> dict[str, Any]:
        return {"counts": self.best_counts}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best_counts = state_dict["counts"]

    def _listen(self, module: LightningModule) -> None:
        def keep(module: Any, inputs: Any, output: Any) -> None:
            # A distributed strategy runs the whole validation step as the module's forward, which
            # triggers this hook too.
            if isinstance(output, Tensor) and output.dim() > 1:
                self._logits = output

        self._unlisten()
        self.counts = None
        self._hook = module.register_forward_hook(keep)

    def _unlisten(self) -> None:
        if self._hook is not None:
            self._hook.remove()
        self._hook = self._logits = None

    def _count(self, trainer: Trainer, batch: Any) -> None:
        if self._is_broken or self._logits is None or trainer.sanity_checking:
            return
        with self.harmless():
            ignore_index = getattr(
                getattr(getattr(trainer, "datamodule", None), "info", None), "ignore_index", None
            )
            counts = count_confusion(self._logits, batch[1], ignore_index)
            self.counts = counts if self.counts is None else self.counts + counts

    def _all_counts(self, trainer: Trainer) -> Tensor | None:
        """Return the sum of the counts over all ranks, on the CPU."""
        if self.counts is None:
            return None
        counts = trainer.strategy.reduce(self.counts, reduce_op="sum")
        assert isinstance(counts, Tensor)
        return counts.cpu()


def count_confusion(logits: Tensor, target: Tensor, ignore_index: int | None = None) -> Tensor:
    """Return the confusion matrix, true class (row) by predicted class (column).

    Shape:
        logits: (N, num_classes, *). target: (N, *), cropped around its centre if the logits are
            smaller.
        output: (num_classes, num_classes) int64.
    """
    num_classes = logits.shape[1]
    for axis, size in enumerate(logits.shape[2:], start=1):
        target = target.narrow(axis, (target.shape[axis] - size) // 2, size)
    predicted, target = logits.argmax(1).flatten(), target.flatten().long()
    is_class = (target >= 0) & (target < num_classes)
    if ignore_index is not None:
        is_class &= target != ignore_index
    # Ignored positions go to an extra cell, since boolean indexing would synchronise with the
    # device.
    cells = torch.where(is_class, target * num_classes + predicted, num_classes**2)
    return torch.bincount(cells, minlength=num_classes**2 + 1)[:-1].reshape(
        num_classes, num_classes
    )


def publish_confusion(trainer: Trainer, split: str, counts: Tensor, epoch: int) -> None:
    """Write the matrix of a split to the run folder and to W&B."""
    names, matrix = class_names(trainer, len(counts)), counts.numpy()
    path = picture_path(trainer, f"confusion_{split}.png")
    rows = (
        ["true \\ predicted", *names],
        *([name, *map(str, row)] for name, row in zip(names, matrix, strict=True)),
    )
    path.with_suffix(".csv").write_text(
        "".join(",".join(_quoted(cell) for cell in row) + "\n" for row in rows)
    )
    draw_confusion(matrix, names, title=f"{split}, epoch {epoch + 1}").savefig(path)
    logger = wandb_logger(trainer)
    if logger is not None:
        logger.log_media(
            lambda: {
                f"confusion_matrix/{split}": confusion_chart(
                    matrix, names, title=f"{split} confusion"
                )
            },
            epoch,
        )


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if set(cell) & set(',"\n') else cell
