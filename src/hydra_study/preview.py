"""A search before it begins: what `hydra.sweeper.preview` is given."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig

from hydra_study.dotted_path import locate
from hydra_study.processes.slots import make_slots
from hydra_study.space.space import Space
from hydra_study.sweep_spec import SweepSpec


@dataclass(frozen=True)
class Preview:
    """A search that is prepared and not begun; nothing is written.

    Args:
        space: of the search.
        compose: returns the config of a trial with these overrides.

    Attributes:
        n_trials, timeout: its limits; None: no limit.
        at_once: trials that run at a time, over all workers.
        folder: where it would be written.
    """

    space: Space
    compose: Callable[[Sequence[str]], DictConfig]
    n_trials: int | None
    timeout: float | None
    at_once: int
    folder: Path

    @property
    def num_points(self) -> int | None:
        """Number of points of the space; None if they are infinitely many, or more than 20,000."""
        return self.space.size

    @property
    def num_parameters(self) -> int:
        """Number of the searched parameters."""
        return len(self.space.searched)

    def random(self, generator: random.Random) -> DictConfig:
        """Return the config of a random point."""
        return self.compose(self.space.random(generator).overrides)


def show_preview(
    spec: SweepSpec, space: Space, compose: Callable[[Sequence[str]], DictConfig]
) -> None:
    """Call what says what a sweep would do, instead of running it.

    Raises:
        StudyError: `hydra.sweeper.preview` names nothing that can be imported.
    """
    options = spec.options
    assert options.preview is not None
    slots = len(make_slots(options)) if spec.is_local else options.slots or 1
    show = locate(options.preview, "hydra.sweeper.preview")
    at_once = slots * options.workers
    show(Preview(space, compose, options.n_trials, options.timeout, at_once, spec.folder))
