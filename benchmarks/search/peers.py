"""Replay the schedules of NePS and Ray Tune by their own code, on the table's curves.

    uv pip install neural-pipeline-search==0.17.0 "ray[tune]==2.60.0" "optuna>=5" \\
        hydra-core scikit-learn
    PYTHONPATH=.:src python -m benchmarks.search.peers replays.jsonl [--seeds 50]

In an environment of its own, since NePS holds other packages back. Both get random points, so that
schedules alone are compared: NePS draws a number, and each new one is the next network of the
table. A trial that NePS continues pays for its further epochs only.
"""

import argparse
import json
import logging
import warnings
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import neps
from benchmarks.search.replay import GROUPS, Way, search
from benchmarks.search.rows import mend, read_rows
from benchmarks.search.run import Run, Trial
from benchmarks.search.tasks import NAMES
from benchmarks.search.worlds import TableWorld
from neps.optimizers import algorithms
from neps.optimizers.ask_and_tell import AskAndTell
from ray.tune.schedulers import AsyncHyperBandScheduler, TrialScheduler


def neps_method(run: Run, algorithm: str) -> None:
    """Ask NePS for the next configuration and its epochs, one worker."""
    space = neps.SearchSpace(
        {"x": neps.Float(0.0, 1.0), "epochs": neps.Integer(1, run.num_epochs, is_fidelity=True)}
    )
    asked = AskAndTell(getattr(algorithms, algorithm)(space))
    trials: dict[str, Trial] = {}
    while True:
        one = asked.ask()
        # the number of the configuration, then that of the rung
        key = str(one.id).split("_")[0]
        trial = trials.get(key) or trials.setdefault(key, run.new())
        while trial.done < int(one.config["epochs"]):
            run.train(trial)
        if run.is_done(trial):
            run.complete(trial)
        asked.tell(one, {"objective_to_minimize": 1 - trial.last})


def ray_asha(run: Run, factor: int = 3) -> None:
    """Ask Ray Tune's ASHA after every epoch; a trial that it stops never goes on."""
    scheduler = AsyncHyperBandScheduler(
        time_attr="training_iteration",
        metric="value",
        mode="max",
        max_t=run.num_epochs,
        grace_period=1,
        reduction_factor=factor,
    )
    controller: Any = None
    while True:
        trial = run.new()
        seen: Any = SimpleNamespace(trial_id=str(trial.number))
        scheduler.on_trial_add(controller, seen)
        while not run.is_done(trial):
            run.train(trial)
            result = {"training_iteration": trial.done, "value": trial.last}
            if run.is_done(trial):
                scheduler.on_trial_complete(controller, seen, result)
                run.complete(trial)
            elif scheduler.on_trial_result(controller, seen, result) == TrialScheduler.STOP:
                run.prune(trial)
                break


PEERS = {
    "NePS, ASHA": Way(partial(neps_method, algorithm="asha")),
    "NePS, Hyperband": Way(partial(neps_method, algorithm="hyperband")),
    "Ray Tune, ASHA 3": Way(ray_asha),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--tasks", nargs="+", default=list(NAMES), choices=NAMES)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    mend(options.file)
    rows = read_rows(options.file)
    known = {(row["task"], row["method"], row["seed"]) for row in rows if row["unit"] == "epochs"}
    with options.file.open("a") as file:
        for seed in range(options.seeds):
            for task in options.tasks:
                for name, way in PEERS.items():
                    if (task, name, seed) in known:
                        continue
                    trainings = GROUPS["schedules"].trainings
                    found = search(way, TableWorld(task, seed), trainings, seed, "epochs")
                    row = {"group": "schedules", "task": task, "method": name, "seed": seed}
                    file.write(json.dumps(row | {"unit": "epochs"} | found) + "\n")
                    file.flush()


if __name__ == "__main__":
    main()
