"""A trial of a live search, the same for every method: one network, trained epoch by epoch.

The command of a search reads what it works on from the environment, so that the processes which a
peer starts find it too.
"""

import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from benchmarks.search.samples import Data, Split
from benchmarks.search.tasks import Task, flat_name, load_task, options_of
from benchmarks.search.training import Training, cost_of
from optuna.distributions import BaseDistribution, IntDistribution

from convsweep.errors import InfeasibleError

VARIABLE = "SEARCH_LIVE"
LOG = "epochs.jsonl"
STATE = "training.ckpt"


@dataclass(frozen=True)
class Setup:
    """What a search works on.

    Attributes:
        task: Name of the task.
        folder: Folder of the search, which holds the data and the log.
        seed: Of the search and its trainings.
    """

    task: str
    folder: str
    seed: int

    def environment(self) -> dict[str, str]:
        """Return the variable that hands it to the command."""
        return {VARIABLE: json.dumps(asdict(self))}


def load_setup() -> Setup:
    """Return the setup of this process's search."""
    return Setup(**json.loads(os.environ[VARIABLE]))


def save_data(data: Data, folder: Path) -> None:
    """Write the samples into the folder of a search, where they are read in milliseconds."""
    parts = {name: (part.x, part.y) for name, part in vars(data).items()}
    torch.save(parts, folder / "data.pt")


def read_data(folder: Path) -> Data:
    """Return the samples of a search."""
    parts = torch.load(folder / "data.pt")
    return Data(**{name: Split(*part) for name, part in parts.items()})


def options_at(task: Task, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of the point with these values by flat name.

    Raises:
        InfeasibleError: its network is beyond the budget.
    """

    def value(name: str, distribution: BaseDistribution) -> Any:
        given = values[flat_name(name)]
        # Hydra's interval has no whole numbers
        return round(given) if isinstance(distribution, IntDistribution) else given

    options = options_of(task.space.point(value))
    cost = cost_of(task, options)
    if "reason" in cost:
        raise InfeasibleError(cost["reason"], cost.get("excess"))
    return options


class LiveTrial:
    """A trial of the search of this process.

    Args:
        values: The point, by flat name.
        state: File of the state to resume from, if there is one.

    Raises:
        InfeasibleError: its network is beyond the budget.
    """

    def __init__(self, values: Mapping[str, Any], state: Path | None = None) -> None:
        torch.set_num_threads(1)
        torch.set_flush_denormal(True)
        self.setup = load_setup()
        self.task = load_task(self.setup.task)
        self.log(epoch=0)
        options = options_at(self.task, values)
        data = read_data(Path(self.setup.folder))
        self.training = Training(self.task, data, options, self.setup.seed)
        if state is not None:
            self.training.resume(torch.load(state))

    def epochs(self, until: int | None = None) -> Iterator[float]:
        """Train until a number of epochs is done, by default all, log each, and yield its
        validation accuracy; a training that diverged yields 0 and ends.
        """
        while self.training.done < (until or self.task.max_epochs):
            wall, cpu = time.perf_counter(), time.process_time()
            if not self.training.run_epoch():
                yield 0.0
                return
            val, _ = self.training.evaluate(self.training.data.val)
            test, _ = self.training.evaluate(self.training.data.test)
            self.log(
                epoch=self.training.done,
                val=val,
                test=test,
                wall_s=round(time.perf_counter() - wall, 4),
                cpu_s=round(time.process_time() - cpu, 4),
            )
            yield val

    def log(self, **row: float) -> None:
        """Append what happened now to the log of the search; epoch 0: the trial begins."""
        with (Path(self.setup.folder) / LOG).open("a") as file:
            file.write(json.dumps({"at": round(time.time(), 3), **row}) + "\n")

    def is_done(self) -> bool:
        """Return whether all epochs are trained."""
        return self.training.done >= self.task.max_epochs

    def save(self, folder: Path) -> None:
        """Write the state into a folder, whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        torch.save(self.training.state(), folder / f".{STATE}")
        (folder / f".{STATE}").replace(folder / STATE)
