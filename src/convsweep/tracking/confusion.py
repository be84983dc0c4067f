"""Confusion matrices of validation and test, published as picture, CSV and W&B chart."""

from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from convsweep.pictures.drawing import draw_confusion
from convsweep.tracking.best_epoch import best_epoch, class_names, picture_path, wandb_logger
from convsweep.tracking.forward_hook import ForwardHookCallback
from convsweep.tracking.wandb.media import confusion_chart


class ConfusionMatrix(ForwardHookCallback):
    """Publishes `pictures/confusion_val` of the best validation and `pictures/confusion_test` of
    the test, as .png and .csv.

    Counts samples, or positions of a segmentation, by true class (row) and predicted class
    (column).
    """

    def __init__(self) -> None:
        super().__init__()
        self.counts: Tensor | None = None
        self.best_counts: Tensor | None = None

    def reset(self) -> None:
        self.counts = None

    def update(self, trainer: Trainer, outputs: Tensor, target: Tensor) -> None:
        ignore_index = getattr(
            getattr(getattr(trainer, "datamodule", None), "info", None), "ignore_index", None
        )
        counts = count_confusion(outputs, target, ignore_index)
        self.counts = counts if self.counts is None else self.counts + counts

    def publish_test(self, trainer: Trainer, module: LightningModule) -> None:
        counts = self._all_counts(trainer)
        if trainer.is_global_zero and counts is not None:
            # the test uses the best checkpoint
            publish_confusion(trainer, "test", counts, best_epoch(trainer))

    def capture(self, trainer: Trainer, module: LightningModule) -> None:
        self.best_counts = self._all_counts(trainer)

    def publish(self, trainer: Trainer, module: LightningModule) -> None:
        if self.best_counts is not None:
            publish_confusion(trainer, "val", self.best_counts, best_epoch(trainer))

    def state_dict(self) -> dict[str, Any]:
        return {"counts": self.best_counts}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best_counts = state_dict["counts"]

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
        "".join(",".join(_csv_cell(cell) for cell in row) + "\n" for row in rows)
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


def _csv_cell(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if set(cell) & set(',"\n') else cell
