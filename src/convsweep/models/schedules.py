"""Learning rate schedules over the steps of a whole training, made of torch's own."""

from math import isinf
from typing import TYPE_CHECKING, Any, Literal, Protocol

from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
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
    """Makes a schedule for an optimiser that takes `total_steps` steps; it moves on after every
    step.
    """

    def __call__(self, optimizer: Optimizer, total_steps: int) -> LRScheduler: ...


def cosine(
    optimizer: Optimizer, total_steps: int, *, warmup: float = 0.05, final: float = 0.0
) -> LRScheduler:
    """Return a linear warm-up, then half a cosine (Loshchilov & Hutter 2016).

    Args:
        warmup: share of the steps that the warm-up takes.
        final: learning rate at the end, as a share of the first.
    """
    warmup_steps = warmup_of(warmup, total_steps)
    lr = optimizer.param_groups[0]["lr"]
    main = CosineAnnealingLR(
        optimizer, T_max=max(1, total_steps - warmup_steps), eta_min=lr * final
    )
    return warmed_up(optimizer, main, warmup_steps)


def one_cycle(
    optimizer: Optimizer,
    total_steps: int,
    *,
    warmup: float = 0.3,
    anneal: Literal["cos", "linear"] = "cos",
) -> LRScheduler:
    """Return one cycle up to the optimiser's learning rate and down to nothing (Smith & Topin
    2018).

    Args:
        warmup: share of the steps on the way up.
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
    """Return steps down by `gamma` at `milestones`, which are shares of the training (He et al.
    2015: 0.5, 0.75).

    Raises:
        UserError: a milestone lies within the warm-up, or is no share.
    """
    warmup_steps = warmup_of(warmup, total_steps)
    places = [steps_of("milestones", share, total_steps) - warmup_steps for share in milestones]
    if min(milestones, default=1.0) <= warmup:
        raise UserError(
            f"scheduler.milestones must lie behind the warm-up of {warmup}, but are"
            f" {list(milestones)}"
        )
    return warmed_up(
        optimizer, MultiStepLR(optimizer, milestones=places, gamma=gamma), warmup_steps
    )


def plateau(
    optimizer: Optimizer,
    total_steps: int,
    *,
    mode: Literal["max", "min"],
    factor: float = 0.5,
    patience: int = 5,
) -> LRScheduler:
    """Return steps down by `factor` whenever the monitored metric has not got better for `patience`
    validations.
    """
    return ReduceLROnPlateau(optimizer, mode=mode, factor=factor, patience=patience)


def warmed_up(optimizer: Optimizer, main: LRScheduler, warmup_steps: int) -> LRScheduler:
    """Return `main` after a linear warm-up."""
    if warmup_steps == 0:
        return main
    ramp = LinearLR(optimizer, start_factor=1 / (warmup_steps + 1), total_iters=warmup_steps)
    return SequentialLR(optimizer, [ramp, main], milestones=[warmup_steps])


def warmup_of(share: float, total_steps: int) -> int:
    """Return the steps of a warm-up, at least one of any: a longer training could not go on from a
    schedule without.
    """
    return max(steps_of("warmup", share, total_steps), int(share > 0))


def steps_of(name: str, share: float, total_steps: int) -> int:
    """Return a share of the training in steps.

    Raises:
        UserError: it is no share.
    """
    if not 0 <= share <= 1:
        raise UserError(f"scheduler.{name} must be a share of the training, 0 to 1, but is {share}")
    return round(share * total_steps)


def lightning_schedule(
    optimizer: Optimizer, schedule: Schedule, trainer: "Trainer", monitor: str
) -> dict[str, Any]:
    """Return optimiser and schedule as Lightning takes them: by step, or by validation for
    `plateau`.

    Raises:
        UserError: the training has no end that a schedule could be laid out over.
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
