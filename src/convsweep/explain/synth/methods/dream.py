"""Deep Dream: amplifies the activity of a layer in an image, from large to small structures
(Mordvintsev et al. 2015).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from convsweep.errors import UserError
from convsweep.explain.synth import pictures
from convsweep.explain.synth.components.ascent import check_finite
from convsweep.explain.synth.components.objectives import activity
from convsweep.explain.synth.components.parameterization import Parameterization
from convsweep.explain.synth.components.priors import log_total_variation
from convsweep.explain.synth.components.transforms import compose
from convsweep.explain.synth.context import SynthesisContext, Watch
from convsweep.explain.synth.fitting_size import Work
from convsweep.explain.synth.layers import check_layers, layers_of, spread_out

# Share of a step for a first move of the parameters, which measures the change of the image.
PROBE = 0.01


@dataclass(frozen=True)
class Dream:
    """Gradient ascent on a layer's activity over octaves of the image; detail lost by resizing is
    added again.

    Attributes:
        layer: its name; null: one in the middle of the network.
        channel: one feature map; null: the mean square of all.
        start: an image file (or .npy); null: noise.
        start_std: standard deviation of that noise.
        octaves: number of sizes, the last one is the full size.
        octave_scale: ratio of one size to the next.
        steps: an octave.
        lr: mean change of the image by a step, for any parameterisation.
        tv: weight of the total-variation prior, relative to the activity's gradient.
        jitter, blur: of the image before every step, in positions.
    """

    layer: str | None = None
    channel: int | None = None
    start: str | None = None
    start_std: float = 0.5
    octaves: int = 4
    octave_scale: float = 1.4
    steps: int = 20
    lr: float = 0.05
    tv: float = 0.0
    jitter: int = 8
    blur: float = 0.0

    def run(self, context: SynthesisContext) -> dict[str, Any]:
        """Dream, write the picture, and return the layer's activity before and after.

        Raises:
            UserError: there is no such layer or channel, or the image cannot be read.
        """
        subject = context.subject
        layers = layers_of(subject)
        ends = spread_out(layers, 3)
        (layer,) = check_layers([self.layer or ends[len(ends) // 2]], layers, "method.layer")
        if self.octaves < 1 or self.octave_scale <= 1:
            raise UserError(
                f"method.octaves must be >= 1 and octave_scale > 1, but they are {self.octaves} and"
                f" {self.octave_scale}"
            )
        if self.octaves > 1 and subject.permutation is not None:
            raise UserError(
                "a network of permuted positions (data.permute=true) dreams at its own size alone;"
                " say method.octaves=1"
            )
        base = self.start_image(context, Work(until=[layer]))
        with torch.no_grad():
            before = float(activity(subject, base, layer, self.channel))
        with context.watch("dream", self.octaves * self.steps) as watch:
            image = self.dream(base, layer, context, watch)
        with torch.no_grad():
            after = float(activity(subject, image, layer, self.channel))
        file = pictures.save(image[0], subject, context.folder, "dream")
        return {
            "file": file.name,
            "layer": layer,
            "channel": self.channel,
            "activity_before": before,
            "activity_after": after,
        }

    def start_image(self, context: SynthesisContext, work: Work) -> Tensor:
        """Return the start image (1, C, *spatial).

        Raises:
            UserError: it cannot be read, or does not fit into memory.
        """
        if self.start is None:
            context.check_memory(context.image_size(), work)
            return context.noise(1, context.image_size(), self.start_std)
        image = pictures.read(self.start, context.subject, context.size)
        context.check_memory(tuple(image.shape[2:]), work)
        return image

    def dream(self, base: Tensor, layer: str, context: SynthesisContext, watch: Watch) -> Tensor:
        """Return the dream (1, C, *spatial) of an image."""
        sizes = octave_sizes(tuple(base.shape[2:]), self.octaves, self.octave_scale)
        image = pictures.resize(base, sizes[0])
        for size in sizes:
            image = pictures.resize(image, size)
            lost = pictures.resize(base, size) - pictures.resize(
                pictures.resize(base, sizes[0]), size
            )
            image = self.climb(image + lost if size != sizes[0] else image, layer, context, watch)
        return image

    def climb(self, start: Tensor, layer: str, context: SynthesisContext, watch: Watch) -> Tensor:
        """Return the image after the steps of one octave."""
        transform = compose(context.subject, context.generator, self.jitter, self.blur)
        image = context.parameterization(start, context.subject)
        for _ in range(self.steps):
            u = image.image()
            value = activity(context.subject, transform(u), layer, self.channel).sum()
            check_finite(value)
            if self.tv:
                value = (
                    value
                    + self.tv * value.detach().abs() * log_total_variation(u).sum() / u.numel()
                )
            move(
                image,
                torch.autograd.grad(value, list(image.parameters())),
                u.detach().clone(),
                self.lr,
            )
            image.project()
            watch(image.image)
        return image.image().detach()


@torch.no_grad()
def move(image: Parameterization, gradients: Sequence[Tensor], u: Tensor, length: float) -> None:
    """Move the parameters along the gradients such that the images `u` change by `length` on
    average.
    """
    steps = [gradient / gradient.abs().mean().clamp_min(1e-12) for gradient in gradients]
    probe = PROBE * length
    for parameter, step in zip(image.parameters(), steps, strict=True):
        parameter.add_(probe * step)
    change = (image.image() - u).abs().mean().clamp_min(1e-12) / probe
    for parameter, step in zip(image.parameters(), steps, strict=True):
        parameter.add_((length / change - probe) * step)


def octave_sizes(size: tuple[int, ...], octaves: int, scale: float) -> list[tuple[int, ...]]:
    """Return the sizes from the smallest octave to the full size, at least 8 positions or the full
    size.
    """
    sizes = [
        tuple(max(min(length, 8), round(length / scale**step)) for length in size)
        for step in range(octaves)
    ]
    return sizes[::-1]
