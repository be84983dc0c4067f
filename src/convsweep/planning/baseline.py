"""The baseline: as wide as the budget trains long enough, measured on this machine."""

import copy
import math
import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from convsweep.errors import UserError
from convsweep.planning.decisions import Decisions
from convsweep.planning.energy_meter import EnergyMeter
from convsweep.planning.given import Given
from convsweep.planning.keys import EPOCHS
from convsweep.planning.look.look import Look
from convsweep.planning.measure import Measured, measure
from convsweep.planning.random_points import POINTS, check_points
from convsweep.planning.rules.batch import fit_memory
from convsweep.planning.rules.network import WIDTHS, decide_network, has_own_network
from convsweep.planning.rules.pace import ENOUGH, Pace
from convsweep.planning.rules.training import leave_out_augmentation
from convsweep.planning.space import Dimension, random_point
from convsweep.training import build, feasibility
from convsweep.training.device import training_device
from hydra_study import usable_cores

if TYPE_CHECKING:
    from convsweep.data.datamodule import DataModule

# How long the power of the machine at rest is measured.
REST_SECONDS = 1.0


@dataclass(frozen=True)
class Baseline:
    """A network that was measured.

    Args:
        cfg: config of its training.
        pace: how long trainings take.
        cost: of the network, as in `result.json`.
        left_out_augment: option of `data/augment` that is left out as trainings are short.
    """

    cfg: DictConfig
    pace: Pace
    cost: dict[str, Any]
    left_out_augment: str | None = None


def choose_width(
    decisions: Decisions, look: Look, data: "DataModule", seconds: float | None, slots: int
) -> Baseline:
    """Decide the widest baseline that the budget trains long enough, measuring each that is
    tried.
    """
    small, width, large = WIDTHS
    left_out = None
    if seconds is not None and not has_own_network(decisions):
        pace = try_width(decisions, look, data, width, slots).pace
        left_out = leave_out_augmentation(decisions, look, pace, seconds)
        if left_out is not None:
            pace = try_width(decisions, look, data, width, slots).pace
        if pace.affordable_epochs(seconds) < ENOUGH * pace.wanted_epochs:
            width = small
        # twice the width takes about four times as long
        elif pace.affordable_epochs(seconds / 4) >= pace.wanted_epochs:
            width = large
    for_lr = not (decisions.given.has("optimizer.lr") or decisions.given.has("init_from"))
    found = try_width(decisions, look, data, width, slots, for_lr=for_lr)
    return replace(found, left_out_augment=left_out)


def measure_watts(
    decisions: Decisions, look: Look, data: "DataModule", meter: EnergyMeter, slots: int
) -> float:
    """Return the mean power of this machine while it trains baselines of middle width on as many
    devices as a search: above that of the machine at rest, so many times that of one.

    Raises:
        UserError: its counters stand still.
    """
    rest = meter.watts_over(REST_SECONDS)
    found = try_width(decisions, look, data, WIDTHS[1], 1, meter=meter)
    watts = found.pace.speed.watts
    at_once = min(slots, num_devices(str(found.cfg.trainer.accelerator)))
    if not watts:
        raise UserError(
            f"energy= needs counters that count, but the {meter} stood still while a network was"
            " trained; add the machine's mean power, as in power=150W"
        )
    return watts + (at_once - 1) * max(0.0, watts - rest)


def try_width(
    decisions: Decisions,
    look: Look,
    data: "DataModule",
    width: int,
    slots: int,
    for_lr: bool = False,
    meter: EnergyMeter | None = None,
) -> Baseline:
    """Return the baseline with this width, and with the learning rate of a range test if it is
    `for_lr`, or with the power of the machine if there is a meter.
    """
    decide_network(decisions, look, width)
    cfg, cost = feasible_config(decisions)
    batch = int(cfg.data.batch_size)
    if cost["memory"] is not None:
        each = int(cost["memory"]) / batch

        def memory(samples: int) -> int:
            return round(each * samples)

        together = math.ceil(slots / num_devices(str(cfg.trainer.accelerator)))
        batch = fit_memory(decisions, batch, memory, together)
        cfg, cost = feasible_config(decisions)
    ready = with_options(data, cfg)
    # a search uses all cores
    threads = usable_cores() if meter is not None else max(1, usable_cores() // slots)
    speed = measure(cfg, ready, threads, for_lr, meter)
    return Baseline(cfg, pace_of(ready, slots, speed, decisions.given), cost)


def num_devices(accelerator: str) -> int:
    """Return how many devices of its kind a training chooses from; 1 for the CPU."""
    import torch

    is_cuda = training_device(accelerator).type == "cuda"
    return max(1, torch.cuda.device_count()) if is_cuda else 1


def pace_of(data: "DataModule", slots: int, speed: Measured, given: Given | None = None) -> Pace:
    """Return how long trainings on data take by a measured speed.

    Args:
        slots: trainings at a time of each worker.
        given: what the user gave about epochs and workers.
    """
    steps = len(data.train_order(data.num_train_items))
    num_val = 0 if data.val is data.train else len(data.val)
    batch_size = data.loading["batch_size"]
    return Pace(
        steps=steps,
        batch_size=batch_size,
        num_val=num_val,
        slots=slots,
        speed=speed,
        workers=1 if given is None else given.workers,
        given_epochs=None if given is None else given.values.get(EPOCHS),
    )


def steps_on_all(data: "DataModule", num_val: int) -> int:
    """Return the steps of an epoch on all data that is not test: there may be fewer than on a part
    of it, which an epoch passes over several times.

    Args:
        num_val: samples that are validated and not trained on.
    """
    more = (len(data.train) + num_val) / len(data.train)
    return len(data.train_order(round(more * data.num_train_items)))


def with_options(data: "DataModule", cfg: DictConfig) -> "DataModule":
    """Return the data, already read, with the batches and augmentation of a config."""
    ready = copy.copy(data)
    ready.loading = build.data_module(cfg.data).loading
    for name in ("augmentation", "mixing"):
        vars(ready).pop(name, None)
    return ready


def feasible_config(decisions: Decisions) -> tuple[DictConfig, dict[str, Any]]:
    """Return the config of all decisions so far, and the cost of its network."""
    cfg = decisions.given.compose(decisions.overrides())
    return cfg, feasibility.check(cfg)


def feasible_share(decisions: Decisions, space: list[Dimension], max_macs: int | None) -> float:
    """Return the share of random points of a space whose networks can be trained."""
    cfg = decisions.given.compose(decisions.overrides())
    feasibility.fill_shape(cfg)
    if max_macs is not None:
        cfg.budget.max_macs = max_macs
    generator = random.Random(0)

    def draw() -> DictConfig:
        tried = cfg.copy()
        for key, value in random_point(space, generator).items():
            if "/" not in key:
                OmegaConf.update(tried, key, value, force_add=True)
        return tried

    feasible, _ = check_points(draw() for _ in range(POINTS))
    return len(feasible) / POINTS
