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
from convsweep.training import build

if TYPE_CHECKING:
    from convsweep.data.datamodule import DataModule
    from convsweep.models.base import Model

# The range test: so many steps from one rate to the other, for at most so many seconds.
STEPS, FEWEST_STEPS = 60, 12
LOWEST, HIGHEST = 1e-5, 1.0
MOST_SECONDS = 10.0
# Steps that are not timed, since memory is allocated in them.
WARM_UP = 2
# The test ends where the smoothed loss exceeds the lowest by this factor of the first.
WORSE = 1.5
SMOOTHING = 0.8


@dataclass(frozen=True)
class Measured:
    """A short training.

    Args:
        train_speed: samples a second in training, with augmentation.
        eval_speed: samples a second in validation.
        lr: the learning rate of the steepest fall of the loss; None if it did not fall.
        steps: how many steps it had.
    """

    train_speed: float
    eval_speed: float
    lr: float | None
    steps: int


def device_of(accelerator: str) -> torch.device:
    """Return the device that a training with this `trainer.accelerator` would use."""
    wants = accelerator in ("auto", "gpu", "cuda")
    return torch.device("cuda" if wants and torch.cuda.is_available() else "cpu")


def measure(cfg: DictConfig, data: "DataModule", threads: int) -> Measured:
    """Train a network of a composed config for some steps with a rising learning rate, and
    validate some batches.

    Args:
        threads: of torch on the CPU, as many as a trial has.

    Raises:
        UserError: the network or its optimiser cannot be built.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = build.build_model(cfg, data)
            device = device_of(str(cfg.trainer.accelerator))
            model.to(device).train()
            model.lay_out(device)
            train_speed, lr, steps = range_test(model, data, device)
            return Measured(train_speed, validation_speed(model, data, device), lr, steps)
    finally:
        torch.set_num_threads(before)


def range_test(
    model: "Model", data: "DataModule", device: torch.device
) -> tuple[float, float | None, int]:
    """Return samples a second, the suggested learning rate, and the number of steps."""
    optimizer = model.make_optimizer(model.parameter_groups())
    rates, losses = [], []
    seen, started = 0, time.perf_counter()
    timed = started
    smooth = 0.0
    for step, (x, y) in enumerate(endless(data)):
        if step == WARM_UP:
            seen, timed = 0, time.perf_counter()
        rate = LOWEST * (HIGHEST / LOWEST) ** (step / (STEPS - 1))
        for group in optimizer.param_groups:
            group["lr"] = rate
        logits, *lower = model.outputs(x.to(device))
        loss = deep_loss([model.batch_loss(out, y.to(device)) for out in (logits, *lower)])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        seen += len(x)
        value = loss.item()
        smooth = SMOOTHING * smooth + (1 - SMOOTHING) * value
        rates.append(rate)
        losses.append(smooth / (1 - SMOOTHING ** (step + 1)))
        is_late = time.perf_counter() - started > MOST_SECONDS and step >= FEWEST_STEPS
        diverges = not math.isfinite(value) or losses[-1] > WORSE * losses[0] + abs(losses[0])
        if step + 1 == STEPS or is_late or (diverges and step > STEPS // 3):
            break
    speed = seen / max(1e-9, time.perf_counter() - timed)
    return speed, steepest(rates, losses), len(rates)


def endless(data: "DataModule") -> "Iterator[tuple[Tensor, Tensor]]":
    """Yield training batches, epoch after epoch."""
    loader = data.train_dataloader()
    epoch = 0
    while True:
        loader.sampler.set_epoch(epoch)
        yield from loader
        epoch += 1


def steepest(rates: list[float], losses: list[float]) -> float | None:
    """Return the learning rate at which the smoothed loss falls fastest by its logarithm, before
    its minimum (Smith 2017); None if it does not fall by a twentieth.
    """
    finite = [loss for loss in losses if math.isfinite(loss)]
    if len(finite) < FEWEST_STEPS:
        return None
    lowest = min(range(len(finite)), key=finite.__getitem__)
    if finite[0] - finite[lowest] < 0.05 * abs(finite[0]):
        return None
    span = max(2, len(finite) // 12)
    falls = {i: finite[i - span] - finite[i] for i in range(span, lowest + 1)}
    if not falls:
        return None
    best = max(falls, key=falls.__getitem__)
    # the smoothed loss is late by SMOOTHING / (1 - SMOOTHING) steps
    return rates[max(0, best - span // 2 - round(SMOOTHING / (1 - SMOOTHING)))]


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
