"""Random points of a space: which can be trained, and what excludes the others."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from omegaconf import DictConfig

from convsweep.errors import InfeasibleError

# How many are drawn of a space.
POINTS = 20


def check_points(
    configs: Iterable[DictConfig],
) -> tuple[list[tuple[DictConfig, dict[str, Any]]], Counter[str]]:
    """Return config and cost of the trainings whose networks can be trained, and how often which
    limit excludes the others.
    """
    from convsweep.training import feasibility

    feasible, reasons = [], Counter[str]()
    for cfg in configs:
        try:
            feasible.append((cfg, feasibility.check(cfg)))
        except InfeasibleError as error:
            reasons[str(error).partition("=")[0].partition(":")[0].partition(" (")[0]] += 1
    return feasible, reasons
