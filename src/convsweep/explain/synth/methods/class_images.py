"""Images that maximise a class: gradient ascent on log p(class | x) + log p(x) (Simonyan et al.
2014).
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from convsweep.explain.synth.components.ascent import ascend
from convsweep.explain.synth.components.transforms import compose
from convsweep.explain.synth.context import SynthesisContext, Watch
from convsweep.explain.synth.methods.of_classes import OfClasses


@dataclass(frozen=True, kw_only=True)
class ClassImages(OfClasses):
    """Images of maximal class probability under the priors.

    Attributes:
        lr: Step size of Adam.
        noise: scale of the noise with the prior's covariance that is added before every step.
    """

    what: ClassVar[str] = "class images"

    gaussian: float = 0.05
    steps: int = 300
    lr: float = 0.05
    noise: float = 0.5

    def change(
        self, start: Tensor, classes: Tensor, context: SynthesisContext, watch: Watch
    ) -> Tensor:
        subject = context.subject
        transform = compose(subject, context.generator, self.jitter, self.blur, self.noise)

        def objective(u: Tensor) -> Tensor:
            return self.log_class(subject, transform(u), classes) + self.log_prior(subject, u)

        image = context.parameterization(start, subject)
        return subject.clamp(ascend(image, objective, self.steps, self.lr, watch))
