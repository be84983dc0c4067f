"""Samples of a class by Langevin dynamics: gradient steps with noise, other ones for every seed (Nguyen et al. 2017, eq. 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from convsweep.synth.ascent import check_finite
from convsweep.synth.objectives import log_probability
from convsweep.synth.of_classes import make_images
from convsweep.synth.parameterization import Pixels
from convsweep.synth.priors import log_gaussian, log_total_variation
from convsweep.synth.studio import Studio, Watch
from convsweep.synth.transforms import compose


@dataclass(frozen=True)
class Langevin:
    """x <- x + step_prior d log p(x)/dx + step_class d log p(class | x)/dx + N(0, step_noise^2).

    Attributes:
        classes: Names or numbers; null takes all.
        gaussian, tv: Weights of the two terms of log p(x).
        step_prior, step_class, step_noise: The three step sizes.
        steps: Of the chain.
        start_std: Standard deviation of the noise that is begun with.
        jitter, blur: In front of the network, as for class images.
        place, radius: Of a segmentation, as for class images.
    """

    classes: Sequence[int | str] | None = None
    gaussian: float = 1.0
    tv: float = 1.0
    step_prior: float = 0.01
    step_class: float = 0.5
    step_noise: float = 0.01
    steps: int = 400
    start_std: float = 0.1
    jitter: int = 1
    blur: float = 0.0
    place: Sequence[float] | None = None
    radius: float = 0.15

    def run(self, studio: Studio) -> dict[str, Any]:
        """Draw one sample a class, write them, and return how sure the network is of each.

        Raises:
            UserError: there is no such class, or the network is no classifier.
        """
        return make_images(self, "langevin", studio, self.chain)

    def chain(self, start: Tensor, classes: Tensor, studio: Studio, watch: Watch) -> Tensor:
        """Return the last state (N, C, *spatial) of the chains of classes (N,)."""
        transform = compose(self.jitter, self.blur, studio.generator)
        image = Pixels(start, studio.subject)
        x = image.pixels
        for _ in range(self.steps):
            of_class = log_probability(studio.subject, transform(x), classes, self.place, self.radius).sum()
            check_finite(of_class)
            of_image = (self.gaussian * log_gaussian(x) + self.tv * log_total_variation(x)).sum()
            (to_class,) = torch.autograd.grad(of_class, x)
            (to_image,) = torch.autograd.grad(of_image, x)
            noise = studio.noise(len(x), tuple(x.shape[2:]), self.step_noise)
            with torch.no_grad():
                x.add_(self.step_prior * to_image + self.step_class * to_class + noise)
            image.project()
            watch(image.image)
        return x.detach()
