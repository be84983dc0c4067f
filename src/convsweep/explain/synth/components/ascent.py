"""Gradient ascent on an image."""

from collections.abc import Callable

import torch
from torch import Tensor

from convsweep.errors import UserError
from convsweep.explain.synth.components.parameterization import Parameterization
from convsweep.explain.synth.context import Watch

# Maps images (N, C, *spatial) to values to maximise, (N,).
Objective = Callable[[Tensor], Tensor]


def ascend(
    image: Parameterization, objective: Objective, steps: int, lr: float, watch: Watch
) -> Tensor:
    """Return the images after `steps` steps of Adam that maximise the objective.

    Raises:
        UserError: the objective is not finite.
    """
    optimizer = torch.optim.Adam(image.parameters(), lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        value = objective(image.image()).sum()
        check_finite(value)
        (-value).backward()
        optimizer.step()
        image.project()
        watch(image.image)
    return image.image().detach()


def check_finite(value: Tensor) -> None:
    """Check the value of an objective.

    Raises:
        UserError: it is not finite.
    """
    if not bool(value.isfinite()):
        raise UserError(
            f"the objective must stay finite, but is {float(value)}; use a smaller method.lr or"
            " weight"
        )
