"""Measure the parts of a trial, and a bare loop of the same training in the same process.

    python benchmarks/trial_cost.py [overrides, e.g. logger.mode=offline]

24 trials of digits by the sweeper, two at a time, one thread each. Functions are wrapped to be
timed; a row is the time of its functions without the time of other rows inside them. Medians of the
last 16 trials, in milliseconds.
"""

import functools
import importlib
import io
import json
import os
import runpy
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).parent
TRIALS, SLOTS, EPOCHS, MEASURED = 24, 2, 12, 16
SWEEP = [
    "-m",
    "hydra/sweeper=study",
    "hydra/sweeper/sampler=grid",
    "hydra.sweeper.ignore=[]",
    "hydra.sweeper.view=none",
]
SWEEP += [
    f"hydra.sweeper.slots={SLOTS}",
    f"hydra.sweeper.n_trials={TRIALS}",
    f"+hydra.sweeper.params.seed='range(0,{TRIALS})'",
]
SWEEP += [
    "hydra.sweeper.preload=[convsweep.training.warm_imports,trial_cost]",
    "hydra.sweeper.grace=600",
]
NOTES = "TRIAL_COST_NOTES"
TRAINING = [
    "trainer=cpu",
    f"trainer.max_epochs={EPOCHS}",
    "callbacks.early_stopping=null",
    "test=false",
]
PARTS = {
    "compose": ["hydra_study.processes.trial_process:compose"],
    "check the net": ["hydra_study.processes.trial_process:check"],
    "hash": ["hydra_study.processes.trial_process:canonical_hash"],
    "wait for the worker's answers": ["hydra_study.processes.messages:Channel.ask"],
    "Hydra's run_job: copies, YAML, logging": ["hydra_study.processes.trainings:run_job"],
    "data": ["convsweep.training.build:build_data", "convsweep.data.datamodule:DataModule.setup"],
    "build the model": ["convsweep.training.build:build_model"],
    "callbacks and trainer": ["convsweep.training.run:Run.trainer"],
    "config.yaml, result.json, table": [
        "convsweep.run_folder:write_config",
        "convsweep.training.run:Run.finish",
    ],
    "W&B: start": ["convsweep.tracking.wandb.logger:start_run"],
    "W&B: log": [
        "convsweep.tracking.wandb.logger:WandbLogger.log_metrics",
        "convsweep.tracking.wandb.architecture:Architecture.log_once",
    ],
    "W&B: end": ["convsweep.tracking.wandb.logger:finish_run"],
    "metrics.csv, lines, pictures kept": [
        "convsweep.tracking.metrics_file:MetricsFile.log_metrics",
        "convsweep.training.callbacks.progress:EpochLines.on_train_epoch_end",
        "convsweep.tracking.best_epoch:BestEpochCallback.on_validation_end",
    ],
    "checkpoints": ["lightning:Trainer.save_checkpoint"],
    "Lightning's loops, training within": ["lightning:Trainer.fit"],
}


class Clocks:
    """Exclusive wall and CPU seconds of wrapped functions, by part."""

    def __init__(self) -> None:
        self.spent: dict[str, list[float]] = {}
        self._below: list[list[float]] = []

    def wrap(self, part: str, path: str) -> None:
        """Time the function `module:name` as part of `part`."""
        module, _, name = path.partition(":")
        owner: Any = importlib.import_module(module)
        *classes, last = name.split(".")
        owner = functools.reduce(getattr, classes, owner)
        setattr(owner, last, self._timed(part, getattr(owner, last)))

    def _timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            self._below.append([0.0, 0.0])
            began = time.monotonic(), time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                whole = time.monotonic() - began[0], time.process_time() - began[1]
                below, own = self._below.pop(), self.spent.setdefault(part, [0.0, 0.0])
                for index in (0, 1):
                    own[index] += whole[index] - below[index]
                    if self._below:
                        self._below[-1][index] += whole[index]

        return timed


def bare_loop(seed: int) -> list[float]:
    """Return wall and CPU seconds of a bare loop, extrapolated from the epochs after the first."""
    from clock import Clock
    from hydra.core.global_hydra import GlobalHydra
    from steps import bare

    marks: list[Any] = []
    Clock.report = lambda self, *figures: marks.extend(self.marks)  # type: ignore[method-assign]
    GlobalHydra.instance().clear()
    with redirect_stdout(io.StringIO()):
        bare([f"seed={seed}", *TRAINING])
    return [
        (last - first) * EPOCHS / (EPOCHS - 1)
        for first, last in zip(marks[0], marks[-1], strict=True)
    ]


def note(**what: Any) -> None:
    """Append an entry with the time to the notes."""
    with Path(os.environ[NOTES]).open("a") as file:
        file.write(json.dumps({**what, "at": time.monotonic()}) + "\n")


def watch_trials() -> None:
    """Make each trial forked from this process note the cost of its parts and of a bare loop."""
    from hydra_study.processes import fork_server

    clocks, run_trial_process = Clocks(), fork_server.run_trial_process
    for part, paths in PARTS.items():
        for path in paths:
            clocks.wrap(part, path)

    def forked(job: Any, *others: Any) -> None:
        began = time.monotonic(), time.process_time()
        run_trial_process(job, *others)
        whole = [time.monotonic() - began[0], time.process_time() - began[1]]
        note(say="parts", number=job.number, began=began[0], parts={**clocks.spent, "whole": whole})
        note(say="bare", spent=bare_loop(os.getpid()))

    fork_server.run_trial_process = forked


def watch_worker() -> None:
    """Make the worker note when trials start, and its own CPU time."""
    from hydra_study.processes.worker import Worker

    start, run = Worker._start, Worker.run

    def started(self: Any, trial: Any) -> None:
        note(say="started", number=trial.number)
        start(self, trial)

    def ran(self: Any) -> Any:
        began = time.process_time()
        try:
            return run(self)
        finally:
            note(say="worker", cpu=time.process_time() - began)

    Worker._start, Worker.run = started, ran  # type: ignore[method-assign]


def main() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    sys.path.insert(0, str(HERE))
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        notes = Path(folder) / "notes.jsonl"
        os.environ[NOTES] = str(notes)
        watch_worker()
        sys.argv = [
            str(HERE.parent / "train.py"),
            *SWEEP,
            *TRAINING,
            *(sys.argv[1:] or ["logger=none"]),
        ]
        load = os.getloadavg()[0]
        runpy.run_path(sys.argv[0], run_name="__main__")
        said = [json.loads(line) for line in notes.read_text().splitlines()]
    trials = [one for one in said if one["say"] == "parts" and one["number"] >= TRIALS - MEASURED]
    begun = {one["number"]: one["at"] for one in said if one["say"] == "started"}
    worker = next(one["cpu"] for one in said if one["say"] == "worker")
    rows = {
        name: [median(one["parts"].get(name, [0, 0])[index] for one in trials) for index in (0, 1)]
        for name in PARTS
    }
    whole = [median(one["parts"]["whole"][index] for one in trials) for index in (0, 1)]
    bare = [median(one["spent"][index] for one in said if one["say"] == "bare") for index in (0, 1)]
    rows["the rest"] = [whole[index] - sum(row[index] for row in rows.values()) for index in (0, 1)]
    rows = {
        "until it begins": [median(one["began"] - begun[one["number"]] for one in trials), 0.0],
        **rows,
    }
    rows["worker's share"] = [0.0, worker / TRIALS]
    print(
        f"{os.cpu_count()} cores, load {load:.1f} before, {' '.join(sys.argv[-1:])}\n\n| part |"
        " wall ms | CPU ms |\n|---|---|---|"
    )
    for name, (wall, cpu) in {**rows, "**whole trial**": whole, "bare loop": bare}.items():
        print(f"| {name} | {1e3 * wall:.0f} | {1e3 * cpu:.0f} |")


if __name__ == "__main__":
    main()
elif NOTES in os.environ:  # imported by the sweep's fork server
    watch_trials()
