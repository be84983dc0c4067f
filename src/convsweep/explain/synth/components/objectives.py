"""Objectives: probability of a class, activity of a layer, distance of content and style."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from convsweep.errors import UserError
from convsweep.explain.synth.layers import activations
from convsweep.explain.synth.subject import SynthSubject


def log_probability(
    subject: SynthSubject, u: Tensor, classes: Tensor, place: Sequence[float] | None, radius: float
) -> Tensor:
    """Return log p(class | image) of each image (N,); for segmentation its mean over a region.

    Args:
        classes: (N,) the class of each image.
        place: centre of the region along each axis, as shares of the size; None: every position.
        radius: of the region, as a share of the size.
    """
    logs = subject.logits(u).log_softmax(dim=1)
    chosen = logs[torch.arange(len(logs), device=logs.device), classes]
    if chosen.dim() == 1:
        return chosen
    near = region(tuple(chosen.shape[1:]), place, radius).to(chosen.device)
    return chosen.flatten(1)[:, near.flatten()].mean(1)


def region(size: tuple[int, ...], place: Sequence[float] | None, radius: float) -> Tensor:
    """Return a mask of the positions (*spatial) in a ball around a place, at least one.

    Raises:
        UserError: the place has another number of axes, or lies outside of the image.
    """
    if place is None:
        return torch.ones(size, dtype=torch.bool)
    if len(place) != len(size) or not all(0 <= share <= 1 for share in place):
        raise UserError(
            f"method.place must be {len(size)} shares of the size from 0 to 1, but is {list(place)}"
        )
    axes = [
        (torch.arange(length) + 0.5) / length - share
        for length, share in zip(size, place, strict=True)
    ]
    distance = torch.stack(torch.meshgrid(*axes, indexing="ij")).square().sum(0).sqrt()
    return distance <= max(radius, float(distance.min()))


def activity(subject: SynthSubject, u: Tensor, layer: str, channel: int | None) -> Tensor:
    """Return the activity of a layer (N,): the mean square of its maps, or the mean of one map
    (Mordvintsev et al. 2015).

    Raises:
        UserError: the layer has no such channel.
    """
    maps = activations(subject, u, [layer])[layer]
    if channel is None:
        return maps.square().flatten(1).mean(1)
    if not 0 <= channel < maps.shape[1]:
        raise UserError(
            f"method.channel must be from 0 to {maps.shape[1] - 1} in layer {layer}, but is"
            f" {channel}"
        )
    return maps[:, channel].flatten(1).mean(1)


def gram(maps: Tensor) -> Tensor:
    """Return Gram matrices: the mean over positions of products of features (Gatys et al. 2016, eq.
    3).

    Shape:
        maps: (N, C, *spatial) -> (N, C, C)
    """
    rows = maps.flatten(2)
    return rows @ rows.transpose(1, 2) / rows.shape[2]


def style_loss(maps: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> Tensor:
    """Return the mean over layers of the squared distance of Gram matrices (1, C, C), relative to
    the squared norm of the target.
    """
    parts = [
        (gram(maps[name]) - target).square().sum() / target.square().sum()
        for name, target in targets.items()
    ]
    return torch.stack(parts).mean()


def content_loss(maps: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> Tensor:
    """Return the mean over layers of the squared distance of feature maps, relative to the squared
    norm of the target.
    """
    parts = [
        F.mse_loss(maps[name], target) / target.square().mean() for name, target in targets.items()
    ]
    return torch.stack(parts).mean()
