"""`hydra/sweeper/sampler=auto`: a sampler by the form of the space."""

from typing import Any

from optuna.distributions import CategoricalDistribution

from hydra_study.config import SAMPLERS
from hydra_study.space.space import Space

# A Gaussian process takes long to ask: its time grows with the cube of the number of trials, and
# with the number of parameters (docs/search.md).
_MOST_OF_GP = 300
_MOST_PARAMETERS = 10
# Its kernel knows of two choices only whether they are equal.
_MOST_CHOICES = 4


def choose_sampler(space: Space, n_trials: int | None, *, several: bool) -> tuple[str, str]:
    """Return the name of a sampler and why it was chosen.

    Args:
        space: The search space.
        n_trials: The number of trials, or None.
        several: Whether there are several objectives.
    """
    if several:
        return "nsga2", "there are several objectives"
    if any(parameter.when is not None for parameter in space.parameters):
        return "tpe_group", "the space has conditions"
    choices = [
        len(each.choices)
        for each in space.searched.values()
        if isinstance(each, CategoricalDistribution)
    ]
    if max(choices, default=0) > _MOST_CHOICES:
        return "tpe", f"a parameter has more than {_MOST_CHOICES} choices without order"
    if n_trials is None or n_trials > _MOST_OF_GP:
        return "tpe", f"there may be more than {_MOST_OF_GP} trials"
    if len(space.searched) > _MOST_PARAMETERS:
        return "tpe", f"there are more than {_MOST_PARAMETERS} parameters"
    return "gp", f"the space has no conditions, few parameters, and at most {_MOST_OF_GP} trials"


def options_of(name: str) -> dict[str, Any]:
    """Return the options of a sampler that was chosen; `tpe_group` is TPE which samples the
    parameters of each branch of the space together.
    """
    if name == "tpe_group":
        return {**SAMPLERS["tpe"], "multivariate": True, "group": True}
    return dict(SAMPLERS[name])
