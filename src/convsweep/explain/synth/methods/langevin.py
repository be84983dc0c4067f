"""Samples of a class by Langevin dynamics: gradient steps with noise, depending on the seed (Nguyen
et al. 2017, eq. 3).
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from convsweep.explain.synth.components.ascent import check_finite
from convsweep.explain.synth.components.transforms import compose
from convsweep.explain.synth.context import SynthesisContext, Watch
from convsweep.explain.synth.methods.of_classes import OfClasses


@dataclass(frozen=True, kw_only=True)
class Langevin(OfClasses):
    """x <- x + step_prior d log p(x)/dx + step_class d log p(class | x)/dx + N(0, step_noise^2),
    where x are the parameters of the image.

    Attributes:
        step_prior, step_class, step_noise: the three step sizes.
    """

    what: ClassVar[str] = "langevin"

    gaussian: float = 1.0
    step_prior: float = 0.02
    step_class: float = 1.0
    step_noise: float = 0.05
    steps: int = 400
    start_std: float = 1.0

    def change(
        self, start: Tensor, classes: Tensor, context: SynthesisContext, watch: Watch
    ) -> Tensor:
        """Return the last states of the chains."""
        subject = context.subject
        transform = compose(subject, context.generator, self.jitter, self.blur)
        image = context.parameterization(start, subject)
        parameters = list(image.parameters())
        for _ in range(self.steps):
            u = image.image()
            of_class = self.log_class(subject, transform(u), classes).sum()
            check_finite(of_class)
            to_class = torch.autograd.grad(of_class, parameters, retain_graph=True)
            to_image = torch.autograd.grad(self.log_prior(subject, u).sum(), parameters)
            with torch.no_grad():
                for parameter, by_class, by_image in zip(
                    parameters, to_class, to_image, strict=True
                ):
                    noise = torch.randn(parameter.shape, generator=context.generator).to(
                        parameter.device
                    )
                    parameter.add_(
                        self.step_prior * by_image
                        + self.step_class * by_class
                        + self.step_noise * noise
                    )
            image.project()
            watch(image.image)
        return subject.clamp(image.image().detach())
