"""Learning rate schedules over the steps of a whole training, composed of torch's schedulers."""

from collections.abc import Callable
from math import cos, isinf, pi, sqrt
from typing import TYPE_CHECKING, Any, Literal, Protocol

from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    LambdaLR,
    LinearLR,
    LRScheduler,
    MultiStepLR,
    OneCycleLR,
    ReduceLROnPlateau,
    SequentialLR,
)

from convsweep.errors import UserError

if TYPE_CHECKING:
    from lightning import Trainer


class Schedule(Protocol):
    """Returns a scheduler for an optimiser and `total_steps` steps, to be stepped after every
    optimiser step.
    """

    def __call__(self, optimizer: Optimizer, total_steps: int) -> LRScheduler: ...


def cosine(
    optimizer: Optimizer, total_steps: int, *, warmup: float = 0.05, final: float = 0.0
) -> LRScheduler:
    """Return a linear warm-up, then half a cosine (Loshchilov & Hutter 2016).

    Args:
        warmup: share of the steps for the warm-up.
        final: final learning rate, as a share of the initial one.
    """
    warmup_steps = warmup_of(warmup, total_steps)
    half_period = max(1, total_steps - warmup_steps)
    # torch's own has one final value for all groups, whatever their learning rates
    main = LambdaLR(
        optimizer,
        lambda step: final + (1 - final) * (1 + cos(pi * min(step, half_period) / half_period)) / 2,
    )
    return warm_up(optimizer, main, warmup_steps)


def one_cycle(
    optimizer: Optimizer,
    total_steps: int,
    *,
    warmup: float = 0.3,
    anneal: Literal["cos", "linear"] = "cos",
) -> LRScheduler:
    """Return one cycle up to the optimiser's learning rate and down to 0 (Smith & Topin 2018).

    Args:
        warmup: share of the steps with a rising learning rate.
        anneal: `cos` or `linear`.
    """
    steps_of("warmup", warmup, total_steps)
    rates = [group["lr"] for group in optimizer.param_groups]
    return OneCycleLR(
        optimizer,
        max_lr=rates,
        total_steps=max(1, total_steps),
        pct_start=warmup,
        anneal_strategy=anneal,
    )


def multi_step(
    optimizer: Optimizer,
    total_steps: int,
    *,
    milestones: tuple[float, ...] = (0.5, 0.75),
    gamma: float = 0.1,
    warmup: float = 0.0,
) -> LRScheduler:
    """Return a schedule that multiplies the learning rate by `gamma` at `milestones`, shares of the
    training (He et al. 2015: 0.5, 0.75).

    Raises:
        UserError: a milestone lies within the warm-up, or outside of 0 to 1.
    """
    warmup_steps = warmup_of(warmup, total_steps)
    places = [steps_of("milestones", share, total_steps) - warmup_steps for share in milestones]
    if min(milestones, default=1.0) <= warmup:
        raise UserError(
            f"scheduler.milestones must lie after the warm-up of {warmup}, but are"
            f" {list(milestones)}"
        )
    return warm_up(optimizer, MultiStepLR(optimizer, milestones=places, gamma=gamma), warmup_steps)


def plateau(
    optimizer: Optimizer,
    total_steps: int,
    *,
    mode: Literal["max", "min"],
    factor: float = 0.5,
    patience: int = 5,
) -> LRScheduler:
    """Return a schedule that multiplies the learning rate by `factor` if the monitored metric has
    not improved for `patience` validations.
    """
    return ReduceLROnPlateau(optimizer, mode=mode, factor=factor, patience=patience)


class WarmupStableDecay(LambdaLR):
    """A schedule that depends on the length of the training only from `decay_start` on, and does
    not take that step from a checkpoint of a shorter training.
    """

    def __init__(
        self, optimizer: Optimizer, factor: Callable[[int], float], decay_start: int
    ) -> None:
        self.decay_start = decay_start
        super().__init__(optimizer, factor)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict({**state_dict, "decay_start": self.decay_start})


def warmup_stable_decay(
    optimizer: Optimizer,
    total_steps: int,
    *,
    warmup_steps: int = 100,
    decay: float = 0.2,
    shape: Literal["sqrt", "linear", "cosine"] = "sqrt",
    final: float = 0.0,
) -> LRScheduler:
    """Return a linear warm-up, a constant learning rate, and a decay at the end (Hägele et al.
    2024).

    Args:
        warmup_steps: steps of the warm-up, which a longer training has too.
        decay: share of the steps for the decay.
        shape: of the decay: `sqrt`, 1 - the square root of its progress (the paper's choice),
            `linear` or `cosine`.
        final: final learning rate, as a share of the initial one.

    Raises:
        UserError: a value is out of range.
    """
    if warmup_steps < 0:
        raise UserError(f"scheduler.warmup_steps must be a number >= 0, but is {warmup_steps}")
    decay_steps = steps_of("decay", decay, total_steps)
    decay_start = total_steps - decay_steps
    shapes: dict[str, Callable[[float], float]] = {
        "sqrt": lambda progress: 1 - sqrt(progress),
        "linear": lambda progress: 1 - progress,
        "cosine": lambda progress: (1 + cos(pi * progress)) / 2,
    }

    def factor(step: int) -> float:
        rise = min(1.0, (step + 1) / (warmup_steps + 1))
        progress = min(1.0, max(0, step - decay_start) / max(1, decay_steps))
        return rise * (final + (1 - final) * shapes[shape](progress))

    return WarmupStableDecay(optimizer, factor, decay_start)


def warm_up(optimizer: Optimizer, main: LRScheduler, warmup_steps: int) -> LRScheduler:
    """Return `main` after a linear warm-up."""
    if warmup_steps == 0:
        return main
    ramp = LinearLR(optimizer, start_factor=1 / (warmup_steps + 1), total_iters=warmup_steps)
    return SequentialLR(optimizer, [ramp, main], milestones=[warmup_steps])


def warmup_of(share: float, total_steps: int) -> int:
    """Return the steps of a warm-up, at least 1 if `share` > 0, so that a resumed, longer training
    has a schedule of the same structure.
    """
    return max(steps_of("warmup", share, total_steps), int(share > 0))


def steps_of(name: str, share: float, total_steps: int) -> int:
    """Return a share of the training as a number of steps.

    Raises:
        UserError: it lies outside of 0 to 1.
    """
    if not 0 <= share <= 1:
        raise UserError(f"scheduler.{name} must be a share of the training, 0 to 1, but is {share}")
    return round(share * total_steps)


def lightning_schedule(
    optimizer: Optimizer, schedule: Schedule, trainer: "Trainer", monitor: str
) -> dict[str, Any]:
    """Return optimiser and schedule in Lightning's format: stepped by step, or by validation for
    `plateau`.

    Raises:
        UserError: the length of the training is not limited.
    """
    total_steps = trainer.estimated_stepping_batches
    if isinf(total_steps):
        raise UserError(
            "a schedule needs an end, but trainer.max_epochs=-1 sets none; set max_epochs, or use"
            " scheduler=none"
        )
    scheduler = schedule(optimizer, int(total_steps))
    if isinstance(scheduler, ReduceLROnPlateau):
        every = trainer.check_val_every_n_epoch or 1
        timing = {"interval": "epoch", "frequency": every, "monitor": monitor}
    else:
        timing = {"interval": "step"}
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, **timing}}
