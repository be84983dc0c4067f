"""Mixup and CutMix: each sample of a batch mixed with another, and its target with the other's."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from convsweep.errors import UserError
from convsweep.task import Task

# Separates the draws from the draws of crops, which use the same seed.
STREAM = 1

Box = tuple[slice, ...]


@dataclass(frozen=True)
class Mix:
    """How the samples of one batch are mixed.

    Args:
        share: of a sample in its mixture; the rest is the sample before it.
        box: where the other sample is pasted (CutMix); None for a weighted sum (mixup).
    """

    share: float
    box: Box | None = None


@dataclass(frozen=True)
class Mixing:
    """Mixes each sample of a batch with the one before it, by one draw for the batch, like
    torchvision.

    Class labels become probabilities of the classes. Targets with a value at every position are
    pasted like the samples; other numbers become weighted sums. If both alphas are given, each
    batch is mixed by one of the two, chosen with equal probability.

    Args:
        task: of the targets.
        num_classes: of the data.
        mixup_alpha: shares are drawn from Beta(alpha, alpha) (Zhang et al. 2018); 0: no mixup.
        cutmix_alpha: the same for the share of the area that a sample keeps (Yun et al. 2019).
        probability: that a batch is mixed.

    Raises:
        UserError: mixup of masks, whose positions have one class each.
    """

    task: Task
    num_classes: int
    mixup_alpha: float = 0.0
    cutmix_alpha: float = 0.0
    probability: float = 1.0

    def __post_init__(self) -> None:
        if self.mixup_alpha and self.task.has_masks:
            raise UserError(
                "data.mixup_alpha needs targets that can be added up, but the data has masks, with"
                " one class a position; use data.cutmix_alpha, which pastes image and mask"
            )

    @property
    def gives_probabilities(self) -> bool:
        """Whether labels become probabilities (B, num_classes)."""
        return self.task.has_labels

    def __call__(self, x: Tensor, y: Tensor, seed: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """Return a mixed batch.

        Args:
            seed: determines the draws.

        Shape:
            x: (B, C, *spatial) of any dtype -> the same; float after mixup
            y: (B,) labels -> (B, num_classes) float; other targets keep their shape
        """
        return self.apply(
            x, y, self.draw(tuple(x.shape[2:]), np.random.default_rng((*seed, STREAM)))
        )

    def draw(self, size: tuple[int, ...], rng: np.random.Generator) -> Mix:
        """Return random parameters of mixing for a batch of samples of this spatial shape."""
        if rng.random() >= self.probability:
            return Mix(1.0)
        alphas = [(self.mixup_alpha, False), (self.cutmix_alpha, True)]
        possible = [(alpha, cuts) for alpha, cuts in alphas if alpha]
        alpha, cuts = possible[int(rng.integers(len(possible)))]
        share = float(rng.beta(alpha, alpha))
        if not cuts:
            return Mix(share)
        return cut_out(share, size, [int(rng.integers(length)) for length in size])

    def apply(self, x: Tensor, y: Tensor, mix: Mix) -> tuple[Tensor, Tensor]:
        """Return the batch mixed by `mix`; labels become probabilities even if nothing is mixed."""
        if self.gives_probabilities:
            y = (y.unsqueeze(1) == torch.arange(self.num_classes, device=y.device)).float()
        if mix.share == 1:
            return x, y
        if mix.box is None:
            return add_previous(x, mix.share), add_previous(y, mix.share)
        return paste_previous(x, mix.box), (
            paste_previous(y, mix.box) if self.task.is_dense else add_previous(y, mix.share)
        )


def cut_out(share: float, size: tuple[int, ...], centre: list[int]) -> Mix:
    """Return the box around a centre that leaves about `share` of a sample, with the exact share
    after clipping the box at the border.
    """
    half = 0.5 * (1 - share) ** (1 / len(size))
    box = tuple(
        slice(max(0, middle - int(half * length)), min(length, middle + int(half * length)))
        for middle, length in zip(centre, size, strict=True)
    )
    sides = [(side.stop - side.start) / length for side, length in zip(box, size, strict=True)]
    return Mix(1 - float(np.prod(sides)), box)


def add_previous(values: Tensor, share: float) -> Tensor:
    """Return the weighted sum of each row and the row before it."""
    values = values if values.is_floating_point() else values.float()
    return values.roll(1, 0).lerp_(values, share)


def paste_previous(values: Tensor, box: Box) -> Tensor:
    """Return each row with a box of the last axes pasted from the row before it."""
    place: tuple[Any, ...] = (..., *box)
    changed = values.clone()
    changed[place] = values.roll(1, 0)[place]
    return changed
