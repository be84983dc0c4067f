"""The tasks of the search benchmark: a space of networks and its budget."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from hydra_study.space.grammar import parse_parameters
from hydra_study.space.space import Point, Space

FOLDER = Path(__file__).parent
NAMES = ("signals", "images")
NUM_CLASSES = 10


@dataclass(frozen=True)
class Task:
    """A search space, and how its networks are trained.

    Attributes:
        name: Name of its file in `spaces/`.
        space: The space, as the sweeper reads it.
        budget: Options of `convsweep.cost.budget.Budget`.
        in_shape: (C, *spatial) of a sample.
        max_epochs: Epochs of a full training.
        hand_made: The values of a network made by hand, as a prior; empty if there is none.
    """

    name: str
    space: Space
    budget: Mapping[str, Any]
    in_shape: tuple[int, ...]
    max_epochs: int
    hand_made: Mapping[str, Any]

    def point(self, number: int) -> Point:
        """Return random point `number`, the same on every machine."""
        return self.space.random(random.Random(f"{self.name} {number}"))


@cache
def load_task(name: str) -> Task:
    """Return a task by the name of its file in `spaces/`."""
    config = OmegaConf.to_container(OmegaConf.load(FOLDER / "spaces" / f"{name}.yaml"))
    assert isinstance(config, dict)
    return Task(
        name,
        Space(parse_parameters(config["params"], [], None)),  # type: ignore[arg-type]
        config["budget"],
        {"signals": (1, 40), "images": (1, 14, 14)}[config["data"]],
        config["max_epochs"],
        config.get("hand_made", {}),
    )


def options_of(point: Point) -> dict[str, Any]:
    """Return the values of a point by key, computed ones included; those of `$variables` too."""
    texts = (text.split("=", 1) for text in point.overrides)
    chosen = {key: OmegaConf.from_dotlist([f"value={text}"]).value for key, text in texts}
    plain = {
        key: OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
        for key, value in chosen.items()
    }
    variables = {key: value for key, value in point.values.items() if key.startswith("$")}
    return plain | variables


def flat_name(name: str) -> str:
    """Return the name of a parameter as a word, which every peer accepts."""
    return name.replace("$", "").replace(".", "_")


def by_flat_name(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping of parameters with their names as words."""
    return {flat_name(name): value for name, value in values.items()}
