"""The sampler `grid`: every point of a finite space once, in order, conditions respected."""

from optuna.samplers import RandomSampler

from hydra_study.errors import StudyError
from hydra_study.space.space import Space


class GridSampler(RandomSampler):
    """Marks a sweep as exhaustive: the worker queues the points of the space one by one.

    Optuna's own grid knows no conditions, and its `BruteForceSampler` takes time that grows with the square of the
    number of trials.
    """

    def check(self, space: Space) -> None:
        """Raise where there is no grid.

        Raises:
            StudyError: The space is not finite.
        """
        if space.size is None:
            rule = "the sampler grid needs choices or ranges of at most 20,000 points"
            raise StudyError(f"{rule}, but the space has an interval or more points; choose another hydra/sweeper/sampler")
