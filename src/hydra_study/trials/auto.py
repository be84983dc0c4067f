"""`hydra/sweeper/sampler=auto`: a sampler by the form of the space."""

from typing import Any

from hydra_study.config import SAMPLERS
from hydra_study.space.space import Space


def choose_sampler(space: Space, *, several: bool, has_hook: bool = False) -> tuple[str, str]:
    """Return the name of a sampler and why it was chosen.

    Args:
        space: The search space.
        several: Whether there are several objectives.
        has_hook: Whether a hook may suggest parameters that the space does not have.
    """
    if any(parameter.when is not None for parameter in space.parameters):
        return "tpe_group", "the space has conditions"
    if several:
        return "tpe", "there are several objectives"
    if has_hook:
        return "tpe", "hydra.sweeper.suggest may add parameters"
    return "gp_curves", "the space has no conditions"


def options_of(name: str) -> dict[str, Any]:
    """Return the options of a sampler that was chosen; `tpe_group` is TPE which samples the
    parameters of each branch of the space together.
    """
    if name == "tpe_group":
        return {**SAMPLERS["tpe"], "multivariate": True, "group": True}
    return dict(SAMPLERS[name])
