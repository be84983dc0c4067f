"""Images that maximise a class: gradient ascent on log p(class | x) + log p(x) (Simonyan et al. 2014)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from convsweep.synth.ascent import ascend
from convsweep.synth.objectives import log_probability
from convsweep.synth.of_classes import make_images
from convsweep.synth.priors import log_total_variation
from convsweep.synth.studio import Studio, Watch
from convsweep.synth.transforms import compose


@dataclass(frozen=True)
class ClassImages:
    """One image a class that the network is as sure of as the priors allow.

    Attributes:
        classes: Names or numbers; null takes all.
        count: Images of each.
        gaussian: Weight of the Gaussian prior, -(x - mean)' C^-1 (x - mean) / 2.
        tv: Weight of the total-variation prior.
        steps: Of gradient ascent.
        lr: Step size of Adam.
        start_std: Of the start, a draw from the Gaussian prior that deviates so many times as much from the mean.
        noise: Noise with the prior's covariance, so many times as large, is added in front of every step.
        jitter: The image is rolled by up to so many positions.
        blur: And blurred by so many positions.
        place, radius: Of a segmentation: where the class is to be, as shares of the size; null is everywhere.
    """

    classes: Sequence[int | str] | None = None
    count: int = 1
    gaussian: float = 0.05
    tv: float = 0.0
    steps: int = 300
    lr: float = 0.05
    start_std: float = 0.1
    noise: float = 0.5
    jitter: int = 1
    blur: float = 0.0
    place: Sequence[float] | None = None
    radius: float = 0.15

    def run(self, studio: Studio) -> dict[str, Any]:
        """Make the images, write them, and return how sure the network is of each.

        Raises:
            UserError: there is no such class, or the network is no classifier.
        """
        return make_images(self, "class images", studio, self.maximise)

    def maximise(self, start: Tensor, classes: Tensor, studio: Studio, watch: Watch) -> Tensor:
        """Return the images (N, C, *spatial) of classes (N,)."""
        transform = compose(studio.subject, studio.generator, self.jitter, self.blur, self.noise)

        def objective(u: Tensor) -> Tensor:
            of_class = log_probability(studio.subject, transform(u), classes, self.place, self.radius)
            return of_class + self.gaussian * studio.subject.gaussian.log_density(u) + self.tv * log_total_variation(u)

        image = studio.parameterization(start, studio.subject)
        return studio.subject.clamp(ascend(image, objective, self.steps, self.lr, watch))
