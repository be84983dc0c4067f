"""The space of a task, as NePS has it."""

import random
from typing import Any

import neps
import numpy as np
import torch
from benchmarks.search.tasks import Task, flat_name
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)


def neps_space(task: Task, *, has_prior: bool = False) -> neps.PipelineSpace:
    """Return the searched parameters by flat name, and `epochs`, the fidelity.

    Args:
        task: A task whose space has no conditions.
        has_prior: whether the network made by hand is the prior.
    """
    prior = task.hand_made if has_prior else {}
    space = {
        flat_name(name): parameter(each, prior.get(name))
        for name, each in task.space.searched.items()
    }
    space["epochs"] = neps.IntegerFidelity(1, task.max_epochs)
    made: neps.PipelineSpace = type("Space", (neps.PipelineSpace,), space)()
    return made


def parameter(each: BaseDistribution, prior: Any) -> Any:
    """Return a parameter with the value that is believed to be good, or None."""
    if isinstance(each, FloatDistribution):
        return neps.Float(each.low, each.high, log=each.log, **confident(prior))
    if isinstance(each, IntDistribution) and each.step == 1:
        return neps.Integer(each.low, each.high, log=each.log, **confident(prior))
    if isinstance(each, IntDistribution):
        choices: list[Any] = list(range(each.low, each.high + 1, each.step))
    else:
        assert isinstance(each, CategoricalDistribution)
        choices = list(each.choices)
    return neps.Categorical(choices, **confident(None if prior is None else choices.index(prior)))


def confident(prior: Any) -> dict[str, Any]:
    """Return the options of a parameter with a prior."""
    return {} if prior is None else {"prior": prior, "prior_confidence": "medium"}


def seed_all(seed: int) -> None:
    """Seed the generators that NePS draws from."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
