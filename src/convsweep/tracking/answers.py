"""Figures of predicted and true numbers of validation and test, and of a few samples with theirs,
as the task draws them.
"""

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from convsweep.task import Task
from convsweep.tracking.best_epoch import best_epoch, picture_path, wandb_logger
from convsweep.tracking.forward_hook import ForwardHookCallback
from convsweep.tracking.predictions import (
    FixedSamples,
    choose_samples,
    evaluation_mode,
    permutation_of,
    permuted_call,
)
from convsweep.tracking.wandb.media import figure_media

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class AnswerFigures(ForwardHookCallback):
    """Publishes the task's figures of the best validation and of the test, as
    `pictures/NAME_val.png` and `pictures/NAME_test.png`, and a few validation samples as
    `pictures/predictions_val.png`.

    With several processes, only samples of rank 0 are drawn.

    Args:
        max_samples: largest number of samples in the figures, spread over the split.
        max_pictures: number of samples that are shown, the same in every run on the same split.
    """

    def __init__(self, max_samples: int = 5_000, max_pictures: int = 16) -> None:
        super().__init__()
        self.max_samples, self.max_pictures = max_samples, max_pictures
        self._samples: FixedSamples | None = None
        self._pictures: list[Any] = []
        self._kept: list[tuple[Tensor, Tensor]] = []
        self._best: tuple[Tensor, Tensor] | None = None

    def suits_task(self, task: Task) -> bool:
        return task.has_numbers

    def reset(self) -> None:
        self._kept = []

    def update(self, trainer: Trainer, outputs: Tensor, target: Tensor) -> None:
        if trainer.is_global_zero:
            self._kept.append((outputs.detach(), target))

    def capture(self, trainer: Trainer, module: LightningModule) -> None:
        self._best = self._subset()
        self._samples = self._samples or choose_samples(trainer, self.max_pictures)
        self._pictures = pictures_of(trainer, module, self._samples)

    def publish(self, trainer: Trainer, module: LightningModule) -> None:
        info: Any = module.info
        figure = info.kind.samples_figure(self._pictures, info) if self._pictures else None
        if figure is not None:
            publish_figure(trainer, "predictions", "val", figure)
        if self._best is not None:
            publish_figures(trainer, module, "val", *self._best)

    def publish_test(self, trainer: Trainer, module: LightningModule) -> None:
        chosen = self._subset()
        if chosen is not None:
            publish_figures(trainer, module, "test", *chosen)

    def state_dict(self) -> dict[str, Any]:
        return {"best": self._best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._best = state_dict["best"]

    def _subset(self) -> tuple[Tensor, Tensor] | None:
        """Return outputs and targets (N, num_classes) of up to `max_samples`, on the CPU."""
        if not self._kept:
            return None
        outputs, targets = (torch.cat(parts) for parts in zip(*self._kept, strict=True))
        rows = torch.linspace(0, len(targets) - 1, min(len(targets), self.max_samples)).long()
        return outputs.float().cpu()[rows], targets.cpu()[rows]


def publish_figures(
    trainer: Trainer, module: LightningModule, split: str, outputs: Tensor, targets: Tensor
) -> None:
    """Write the figures of a split into the run folder and to W&B."""
    info: Any = module.info
    for name, figure in info.kind.figures(info, outputs, targets).items():
        publish_figure(trainer, name, split, figure)


def publish_figure(trainer: Trainer, name: str, split: str, figure: "Figure") -> None:
    """Write a figure of a split into the run folder and to W&B."""
    path = picture_path(trainer, f"{name}_{split}.png")
    figure.savefig(path)
    logger = wandb_logger(trainer)
    if logger is not None:
        logger.log_media(partial(figure_media, f"{name}/{split}", path), best_epoch(trainer))


def pictures_of(trainer: Trainer, module: LightningModule, samples: FixedSamples) -> list[Any]:
    """Return the task's pictures of samples, computed one by one to need little memory."""
    info: Any = module.info
    task: Task = info.kind.as_trained(module)
    permutation, pictures = permutation_of(trainer), []
    with evaluation_mode(module), torch.no_grad():
        for x, y, name in zip(samples.x, samples.y, samples.names, strict=True):
            batch = torch.tensor(x)[None]
            outputs = permuted_call(lambda seen: module(seen.to(module.device)), batch, permutation)
            pictures.append(task.picture(x, y, outputs[0], name))
    return [picture for picture in pictures if picture is not None]
