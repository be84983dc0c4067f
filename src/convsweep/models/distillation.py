"""Distillation: a network learns from the outputs of a trained one in addition to its labels
(Hinton et al. 2015), and from its feature maps (Romero et al. 2015).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convsweep.errors import UserError
from convsweep.models.fine_tuning import depth_parts
from convsweep.nets.blocks import center_crop_or_pad

if TYPE_CHECKING:
    from convsweep.models.base import Model


@dataclass(frozen=True)
class Distillation:
    """Weights of what a teacher adds to the loss.

    Args:
        weight: of the distance to the teacher's outputs; the loss of the labels has 1 - weight.
        temperature: divides the logits of both before the softmax. The distance is multiplied by
            its square, so that its gradient keeps its size.
        feature_weight: of the distance to the teacher's feature maps, which is added.

    Raises:
        UserError: a value is out of range.
    """

    weight: float = 0.5
    temperature: float = 4.0
    feature_weight: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1:
            raise UserError(f"distillation.weight must be from 0 to 1, but is {self.weight}")
        if self.temperature <= 0:
            raise UserError(f"distillation.temperature must be above 0, but is {self.temperature}")
        if self.feature_weight < 0:
            raise UserError(
                f"distillation.feature_weight must be a number >= 0, but is {self.feature_weight}"
            )


class Teacher:
    """A trained model that a student learns from.

    It is no `nn.Module`, so that the student's checkpoints, optimiser and processes do not know it.

    Args:
        model: the trained model, which does not train.
        options: what it adds to the loss.
    """

    def __init__(self, model: "Model", options: Distillation) -> None:
        self.model = model.eval().requires_grad_(False)
        self.options = options
        self.shared: list[str] = []
        self.features: tuple[dict[str, Tensor], dict[str, Tensor]] = ({}, {})

    def meet(self, student: "Model") -> None:
        """Prepare for a student's training: find the feature maps that both have, if their distance
        counts.

        Raises:
            UserError: there are none, or the student's network is compiled.
        """
        if not self.options.feature_weight:
            return
        if student.compile_mode != "none":
            raise UserError(
                "distillation.feature_weight needs feature maps, which a compiled network does not"
                " give; set it to 0, or use model.compile=none"
            )
        x = torch.zeros(1, *student.in_shape)
        own, theirs = (shapes_of(net, x) for net in (student.net, self.model.net))
        self.shared = [name for name, shape in own.items() if theirs.get(name) == shape]
        if not self.shared:
            raise UserError(
                "distillation.feature_weight needs feature maps of the same shape at the same place"
                f" in both networks, but they have {shapes_text(own)} and {shapes_text(theirs)};"
                " set it to 0, or change the student's widths"
            )
        for net, kept in zip((student.net, self.model.net), self.features, strict=True):
            parts = feature_parts(net)
            for name in self.shared:
                parts[name].register_forward_hook(partial(keep, kept, name, student.net))

    def move(self, device: torch.device) -> None:
        """Move the trained model to the device of the training."""
        self.model.lay_out(device)
        self.model.to(device)

    def add_to(self, loss: Tensor, x: Tensor, logits: Tensor, counted: Tensor | None) -> Tensor:
        """Return the loss of a batch with what the teacher adds.

        Args:
            loss: of the labels.
            x: (N, C, *) samples as the data has them.
            logits: (N, K, *) of the student, which ran last.
            counted: (N, *) whether a position counts; None: all do.
        """
        with torch.no_grad():
            theirs = self.model.run(self.model.normalize(x))
        options = self.options
        distance = logit_distance(logits, theirs, options.temperature, counted)
        loss = (1 - options.weight) * loss + options.weight * distance
        if options.feature_weight:
            loss = loss + options.feature_weight * feature_distance(*self.features)
            for kept in self.features:
                kept.clear()
        return loss


def logit_distance(
    logits: Tensor, theirs: Tensor, temperature: float, counted: Tensor | None
) -> Tensor:
    """Return the mean Kullback-Leibler divergence of softened outputs from the teacher's, times the
    square of the temperature.

    Args:
        logits, theirs: (N, K, *), cropped around the centre where one is larger.
        counted: (N, *) of the size of `logits`, whether a position counts; None: all do.
    """
    size = [min(sizes) for sizes in zip(logits.shape[2:], theirs.shape[2:], strict=True)]
    student, teacher = (
        (center_crop_or_pad(each, size).float() / temperature).log_softmax(dim=1)
        for each in (logits, theirs)
    )
    divergence = F.kl_div(student, teacher, reduction="none", log_target=True).sum(1)
    if counted is None:
        return temperature**2 * divergence.mean()
    mask = center_crop_or_pad(counted.unsqueeze(1).to(divergence.dtype), size).squeeze(1)
    return temperature**2 * (divergence * mask).sum() / mask.sum().clamp_min(1)


def feature_distance(features: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> Tensor:
    """Return the squared distance of feature maps as a share of the teacher's mean square, the mean
    over all.
    """
    distances = []
    for name, own in features.items():
        teacher = theirs[name].float()
        scale = teacher.square().mean().clamp_min(torch.finfo(teacher.dtype).tiny)
        distances.append((own.float() - teacher).square().mean() / scale)
    return torch.stack(distances).mean()


def feature_parts(net: nn.Module) -> dict[str, nn.Module]:
    """Return the modules that give the feature map of each part of a network, by the part's name:
    all parts but the last, of lists of modules the last one.
    """
    return {
        name: part[-1] if isinstance(part, nn.ModuleList) else part
        for name, part in depth_parts(net)[:-1]
    }


def shapes_of(net: nn.Module, x: Tensor) -> dict[str, tuple[int, ...]]:
    """Return the shape of each feature map for a batch, without the batch axis."""
    kept: dict[str, Tensor] = {}
    hooks = [
        part.register_forward_hook(partial(keep, kept, name, None))
        for name, part in feature_parts(net).items()
    ]
    with torch.no_grad(), evaluation_mode(net):
        net(x)
    for hook in hooks:
        hook.remove()
    return {name: tuple(value.shape[1:]) for name, value in kept.items()}


def keep(
    kept: dict[str, Tensor],
    name: str,
    student: nn.Module | None,
    module: nn.Module,
    inputs: Any,
    output: Any,
) -> None:
    """Keep a tensor that a module returned, but not while a student is validated."""
    if isinstance(output, Tensor) and (student is None or student.training):
        kept[name] = output


@contextmanager
def evaluation_mode(net: nn.Module) -> Iterator[None]:
    """Run a block with a network in evaluation mode, and restore the mode of each module."""
    modes = {module: module.training for module in net.modules()}
    net.eval()
    yield
    for module, training in modes.items():
        module.training = training


def shapes_text(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Return shapes as text."""
    return ", ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in shapes.items())
