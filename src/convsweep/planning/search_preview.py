"""The dry run of a search (`convsweep train -m ... --dry-run`): points, time, disk, memory."""

import math
import random
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig

from convsweep.cli.console import console, quiet_engines
from convsweep.cli.duration import duration_text
from convsweep.errors import UserError
from convsweep.planning.random_points import POINTS, check_points
from convsweep.planning.rules.pace import BEGUN, TOGETHER
from hydra_study import Preview, StudyError, usable_cores

# How many of the random points that can be trained are measured.
MEASURED = 2
# Bytes of a weight in a checkpoint with the two states of Adam, and checkpoints of a trial.
BYTES, CHECKPOINTS = 3 * 4, 2


@dataclass(frozen=True)
class TrialCost:
    """What a trial of full length takes.

    Attributes:
        seconds: with reading the data.
        disk: bytes of its checkpoints.
        memory: bytes of a training step; 0: unknown.
    """

    seconds: float
    disk: int
    memory: int


def preview(search: Preview) -> None:
    """Print what a search would do, by random points of its space; nothing is written.

    Raises:
        StudyError: the data cannot be read, or an option is wrong.
    """
    from convsweep.training.imports import prepare_imports

    quiet_engines()
    prepare_imports()
    try:
        for line in preview_lines(search):
            console.print(line, soft_wrap=True, markup=False, highlight=False)
    except UserError as error:
        raise StudyError(str(error)) from error


def preview_lines(search: Preview) -> Iterator[str]:
    """Yield what a search would do, as it becomes known."""
    yield points_text(search)
    generator = random.Random(0)
    feasible, reasons = check_points(search.random(generator) for _ in range(POINTS))
    yield (
        f"random points that can be trained: {len(feasible)} of {POINTS}"
        + "".join(f"; {count} not: {reason}" for reason, count in reasons.most_common(1))
    )
    if feasible:
        trials = [measure_trial(cfg, cost, search) for cfg, cost in feasible[:MEASURED]]
        yield from cost_lines(search, trials)
    yield "nothing was trained beyond this measurement; leave out --dry-run to begin"


def points_text(search: Preview) -> str:
    """Return how many points there are."""
    count = search.num_points
    many = "more than 20,000" if count is None else f"{count:,}"
    return f"points of the space: {many}, of {search.num_parameters} parameters"


def measure_trial(cfg: DictConfig, cost: dict[str, Any], search: Preview) -> TrialCost:
    """Return what a trial takes, by some of its training steps and batches of validation."""
    from convsweep.planning.baseline import pace_of
    from convsweep.planning.measure import measure
    from convsweep.training import build

    since = time.perf_counter()
    data = build.build_data(cfg)
    data.setup("fit")
    read_s = time.perf_counter() - since
    threads = max(1, usable_cores() // search.at_once)
    pace = pace_of(data, search.at_once, measure(cfg, data, threads, for_lr=False))
    return TrialCost(
        read_s + pace.training_s(int(cfg.trainer.max_epochs)),
        CHECKPOINTS * BYTES * int(cost["params"]),
        int(cost["memory"] or 0),
    )


def cost_lines(search: Preview, trials: list[TrialCost]) -> list[str]:
    """Return how long a trial and all take, the disk and the memory."""
    from convsweep.cost import in_bytes
    from convsweep.cost.free_memory import free_memory

    mean = sum(trial.seconds for trial in trials) / len(trials)
    each = " and ".join(duration_text(trial.seconds) for trial in trials)
    count = min(search.n_trials or math.inf, search.num_points or math.inf)
    lines = [f"a trial of full length: about {each} here (measured on {len(trials)})"]
    lines.append(f"all of it: {total_text(search, mean, count)}")
    begun = most_trials(search, mean)
    if math.isfinite(begun):
        disk = math.ceil(begun) * max(trial.disk for trial in trials)
        folder = search.folder
        place = next(one for one in (folder, *folder.parents) if one.is_dir())
        free = shutil.disk_usage(place).free
        lines.append(f"disk: at most about {in_bytes(disk)} of {in_bytes(free)} free")
    memory = search.at_once * max(trial.memory for trial in trials)
    if memory:
        lines.append(
            f"memory: about {in_bytes(memory)} for {search.at_once} steps at a time, besides data"
            f" and programs, of {in_bytes(free_memory())} free"
        )
    return lines


def total_text(search: Preview, seconds: float, count: float) -> str:
    """Return how long the search takes.

    Args:
        search: the search.
        seconds: of a trial.
        count: of the trials; infinite without a limit.
    """
    parts = []
    if math.isfinite(count):
        all_of_them = duration_text(count * seconds / speed_of(search))
        parts.append(
            f"{count:.0f} trials, {search.at_once} at a time, about {all_of_them} if each is"
            " trained to its end"
        )
    if search.timeout is not None:
        fits = search.timeout * speed_of(search) / seconds
        parts.append(
            f"it ends after {duration_text(search.timeout)}, which holds about {fits:.0f} trials of"
            " full length"
        )
    return "; ".join(parts) or "without a limit"


def speed_of(search: Preview) -> float:
    """Return how many trials' worth of work is done at a time."""
    return 1.0 if search.at_once == 1 else TOGETHER * search.at_once


def most_trials(search: Preview, seconds: float) -> float:
    """Return about how many trials begin at most, also where only the time limits them."""
    in_time = (
        math.inf if search.timeout is None else BEGUN * search.timeout * speed_of(search) / seconds
    )
    return min(search.n_trials or math.inf, search.num_points or math.inf, in_time)
