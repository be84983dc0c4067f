"""The Hydra application that is searched by this program's sweeper and by the official one.

python -m benchmarks.search.live.app study [prior] [tpe]
python -m benchmarks.search.live.app optuna
"""

import sys
from pathlib import Path
from typing import Any

import hydra
from benchmarks.search.live.trial import STATE, LiveTrial, load_setup, options_at
from benchmarks.search.tasks import NAMES, by_flat_name, flat_name, load_task
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from convsweep.errors import InfeasibleError
from hydra_study import Pruned, trial

MANY = 1_000_000  # the time ends the search
KEYS = {flat_name(name) for task in NAMES for name in load_task(task).space.searched}
ConfigStore.instance().store("live", {"point": dict.fromkeys(sorted(KEYS))})


@hydra.main(version_base=None, config_name="live")
def main(config: DictConfig) -> float:
    """Train the network of a trial, and return its best validation accuracy."""
    link = trial.current()
    state = Path(link.checkpoint) if link and link.checkpoint else None
    try:
        live = LiveTrial(config.point, state)
    except InfeasibleError:
        if link is None:  # the official sweeper has no word for it
            return 0.0
        raise
    best = 0.0
    for val in live.epochs():
        best = max(best, val)
        if link is not None:
            live.save(Path(link.folder))
            if link.report(live.training.done, val, is_last=live.is_done()):
                raise Pruned
    return best


def check(config: DictConfig) -> None:
    """Raise an InfeasibleError if the network is beyond the budget."""
    options_at(load_task(load_setup().task), config.point)


def official_text(distribution: BaseDistribution) -> str:
    """Return a distribution in the grammar of the official sweeper."""
    if isinstance(distribution, CategoricalDistribution):
        return f"choice({','.join(map(str, distribution.choices))})"
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    ends = f"{distribution.low},{distribution.high}"
    if distribution.log:
        return f"tag(log,interval({ends}))"
    if isinstance(distribution, FloatDistribution):
        return f"interval({ends})"
    return f"range({distribution.low},{distribution.high + 1},{distribution.step})"


def own_text(distribution: BaseDistribution) -> str:
    """Return a distribution in the grammar of this program's sweeper."""
    if isinstance(distribution, IntDistribution) and distribution.log:
        return f"tag(log,range({distribution.low},{distribution.high + 1}))"
    return official_text(distribution)


def arguments(sweeper: str, *, has_prior: bool, sampler: str) -> list[str]:
    """Return the command line of a search.

    Args:
        sweeper: `study` or `optuna`, which takes no prior and has TPE.
        has_prior: whether the network made by hand is the prior.
        sampler: The sampler of `study`.
    """
    setup = load_setup()
    text: Any = own_text if sweeper == "study" else official_text
    task = load_task(setup.task)
    space = task.space.searched
    shared = [
        "-m",
        f"hydra/sweeper={sweeper}",
        "hydra.sweeper.direction=maximize",
        f"hydra.sweeper.n_trials={MANY}",
        f"hydra.sweep.dir={setup.folder}/sweep",
        f"hydra.sweeper.sampler.seed={setup.seed}",
        *(f"point.{flat_name(name)}={text(each)}" for name, each in space.items()),
    ]
    if sweeper == "optuna":
        return [*shared, "hydra/sweeper/sampler=tpe", "hydra.sweeper.n_jobs=1"]
    known = by_flat_name(task.hand_made) if has_prior else {}
    point = ", ".join(f"point.{name}: {value}" for name, value in known.items())
    return [
        *shared,
        f"hydra.sweeper.prior=[{f'{{{point}}}' if known else ''}]",
        f"hydra/sweeper/sampler={sampler}",
        "hydra/sweeper/schedule=promotion",
        "hydra.sweeper.slots=1",
        "hydra.sweeper.view=none",
        f"hydra.sweeper.checkpoint={STATE}",
        f"hydra.sweeper.check={check.__module__}.check",
    ]


if __name__ == "__main__":
    options = sys.argv[2:]
    sampler = "tpe" if "tpe" in options else "auto"
    sys.argv[1:] = arguments(sys.argv[1], has_prior="prior" in options, sampler=sampler)
    main()
