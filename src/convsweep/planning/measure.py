"""Speed of a network on this machine, and a learning rate range test, by one short training."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from omegaconf import DictConfig
from torch import Tensor

from convsweep.losses.deep_supervision import deep_loss
from convsweep.planning.energy_meter import EnergyMeter
from convsweep.training import build
from convsweep.training.device import training_device

if TYPE_CHECKING:
    from convsweep.data.datamodule import DataModule
    from convsweep.models.base import Model

# The range test: so many steps from one rate to the other, fewer where they are slow.
STEPS, FEWEST_STEPS = 60, 16
LOWEST, HIGHEST = 1e-4, 0.3
MOST_SECONDS = 10.0
# Steps that are not timed, since memory is allocated in them, and those of a look at the speed.
WARM_UP, TIMED, TIMED_SECONDS = 2, 8, 3.0
# Counters of energy are brought up to date about ten times a second.
METERED_SECONDS = 3.0
# The test ends where the smoothed loss exceeds the first by this factor.
WORSE = 2.0
SMOOTHING = 0.8
LEAST_FALL = 0.05
# A loss that was lowest below so many times the lowest rate says nothing of the rate.
RISEN = 10.0


@dataclass(frozen=True)
class Measured:
    """A short training.

    Args:
        train_speed: samples a second in training, with augmentation.
        eval_speed: samples a second in validation.
        lr: the learning rate of the lowest loss; None if the loss did not fall, or no rate was
            looked for.
        steps: how many steps it had.
        watts: mean power of the machine in training; None: not measured.
    """

    train_speed: float
    eval_speed: float
    lr: float | None
    steps: int
    watts: float | None = None


def measure(
    cfg: DictConfig,
    data: "DataModule",
    threads: int,
    for_lr: bool,
    meter: EnergyMeter | None = None,
) -> Measured:
    """Train a network of a composed config for some steps, and validate some batches.

    Args:
        threads: of torch on the CPU, as many as a trial has.
        for_lr: let the learning rate rise over more steps, instead of a look at the speed.
        meter: of the energy that the machine uses, for which it trains longer.

    Raises:
        UserError: the network or its optimiser cannot be built.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = build.build_model(cfg, data)
            device = training_device(str(cfg.trainer.accelerator))
            model.to(device).train()
            model.lay_out(device)
            trained = train_some(model, data, device, for_lr, meter)
            watts = trained.watts
            train_speed = trained.seen / trained.seconds
            eval_speed = validation_speed(model, data, device)
            lr = lowest(trained.rates, trained.losses) if for_lr else None
            return Measured(train_speed, eval_speed, lr, len(trained.rates), watts)
    finally:
        torch.set_num_threads(before)


class Progress:
    """What a short training has done: rates, losses, and time and energy since the first steps.

    Args:
        for_lr: let the learning rate rise over more steps, instead of a look at the speed.
        meter: of energy, for which it trains longer.
    """

    def __init__(self, for_lr: bool, meter: EnergyMeter | None = None) -> None:
        self.meter = meter
        self.joules = 0.0 if meter is None else meter.joules()
        self.for_lr, self.num_steps = for_lr, STEPS if for_lr else TIMED
        self.rates: list[float] = []
        self.losses: list[float] = []
        self.smooth, self.seen, self.started = 0.0, 0, time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds since the first steps."""
        return max(1e-9, time.perf_counter() - self.started)

    @property
    def watts(self) -> float | None:
        """Mean power of the machine since the first steps; None without a meter."""
        return None if self.meter is None else (self.meter.joules() - self.joules) / self.seconds

    def begin_step(self) -> float:
        """Return the learning rate of the next step."""
        step = len(self.rates)
        if step == WARM_UP:
            self.seen, self.started = 0, time.perf_counter()
            self.joules = 0.0 if self.meter is None else self.meter.joules()
        elif step == WARM_UP + 2 and self.for_lr:
            affordable = int(MOST_SECONDS / (self.seconds / 2))
            self.num_steps = min(STEPS, max(FEWEST_STEPS, affordable))
        share = min(1.0, max(0, step - WARM_UP - 2) / self.num_steps)
        self.rates.append(LOWEST * (HIGHEST / LOWEST) ** share)
        return self.rates[-1]

    def end_step(self, loss: float, num_samples: int) -> bool:
        """Add the loss of a step, and return whether it was the last one."""
        self.seen += num_samples
        self.smooth = SMOOTHING * self.smooth + (1 - SMOOTHING) * loss
        self.losses.append(self.smooth / (1 - SMOOTHING ** len(self.rates)))
        step, first, last = len(self.rates) - 1, self.losses[0], self.losses[-1]
        is_bad = not math.isfinite(loss) or last > first + WORSE * abs(first)
        is_late = not self.for_lr and self.seconds > TIMED_SECONDS and step > WARM_UP
        is_done = step >= self.num_steps + WARM_UP + 1
        if self.meter is not None and (step <= WARM_UP or self.seconds < METERED_SECONDS):
            return False
        return is_done or is_late or (is_bad and step > FEWEST_STEPS)


def train_some(
    model: "Model",
    data: "DataModule",
    device: torch.device,
    for_lr: bool,
    meter: EnergyMeter | None = None,
) -> Progress:
    """Train for some steps."""
    optimizer = model.make_optimizer(model.parameter_groups())
    progress = Progress(for_lr, meter)
    for x, y in endless(data):
        rate = progress.begin_step()
        for group in optimizer.param_groups:
            group["lr"] = rate
        logits, *lower = model.outputs(x.to(device))
        loss = deep_loss([model.batch_loss(out, y.to(device)) for out in (logits, *lower)])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if progress.end_step(loss.item(), len(x)):
            break
    return progress


def endless(data: "DataModule") -> "Iterator[tuple[Tensor, Tensor]]":
    """Yield training batches, epoch after epoch."""
    loader = data.train_dataloader()
    epoch = 0
    while True:
        loader.sampler.set_epoch(epoch)
        yield from loader
        epoch += 1


def lowest(rates: list[float], losses: list[float]) -> float | None:
    """Return the learning rate at which the smoothed loss was lowest; None if it did not fall by a
    twentieth, or was lowest before the rate had risen, which is noise.
    """
    best = min(
        range(len(losses)), key=lambda i: losses[i] if math.isfinite(losses[i]) else math.inf
    )
    fell = losses[0] - losses[best]
    if fell < LEAST_FALL * abs(losses[0]) or rates[best] < RISEN * LOWEST:
        return None
    return rates[best]


@torch.no_grad()
def validation_speed(model: "Model", data: "DataModule", device: torch.device) -> float:
    """Return samples a second in validation, by a few batches."""
    model.eval()
    seen, started = 0, time.perf_counter()
    for x, _ in data.val_dataloader():
        model(x.to(device))
        seen += len(x)
        if time.perf_counter() - started > MOST_SECONDS / 10:
            break
    return seen / max(1e-9, time.perf_counter() - started)
