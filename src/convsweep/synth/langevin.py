"""Samples of a class by Langevin dynamics: gradient steps with noise, other ones for every seed (Nguyen et al. 2017, eq. 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from convsweep.synth.ascent import check_finite
from convsweep.synth.objectives import log_probability
from convsweep.synth.of_classes import make_images
from convsweep.synth.priors import log_total_variation
from convsweep.synth.studio import Studio, Watch
from convsweep.synth.transforms import compose


@dataclass(frozen=True)
class Langevin:
    """x <- x + step_prior d log p(x)/dx + step_class d log p(class | x)/dx + N(0, step_noise^2), x the parameters of the image.

    Attributes:
        classes: Names or numbers; null takes all.
        count: Images of each.
        gaussian, tv: Weights of the two terms of log p(x).
        step_prior, step_class, step_noise: The three step sizes.
        steps: Of the chain.
        start_std: Of the start, as for class images.
        jitter, blur: In front of the network, as for class images.
        place, radius: Of a segmentation, as for class images.
    """

    classes: Sequence[int | str] | None = None
    count: int = 1
    gaussian: float = 1.0
    tv: float = 0.0
    step_prior: float = 0.02
    step_class: float = 0.2
    step_noise: float = 0.05
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
        subject = studio.subject
        transform = compose(subject, studio.generator, self.jitter, self.blur)
        image = studio.parameterization(start, subject)
        parameters = list(image.parameters())
        for _ in range(self.steps):
            u = image.image()
            of_class = log_probability(subject, transform(u), classes, self.place, self.radius).sum()
            check_finite(of_class)
            of_image = (self.gaussian * subject.gaussian.log_density(u) + self.tv * log_total_variation(u)).sum()
            to_class = torch.autograd.grad(of_class, parameters, retain_graph=True)
            to_image = torch.autograd.grad(of_image, parameters)
            with torch.no_grad():
                for parameter, by_class, by_image in zip(parameters, to_class, to_image, strict=True):
                    noise = torch.randn(parameter.shape, generator=studio.generator).to(parameter.device)
                    parameter.add_(self.step_prior * by_image + self.step_class * by_class + self.step_noise * noise)
            image.project()
            watch(image.image)
        return subject.clamp(image.image().detach())
