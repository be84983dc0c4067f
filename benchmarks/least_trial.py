"""Measure the CPU time of a trial with minimal training: one step, one validation batch, one
checkpoint.

    python benchmarks/least_trial.py [overrides, e.g. logger.mode=offline]

It is the difference between sweeps of 24 and of 4 trials, divided by 20, over all processes,
including the worker, its fork server and W&B's service.
"""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

ROUNDS, FEW, MANY = 3, 4, 24
SWEEP = [
    "-m",
    "hydra/sweeper=study",
    "hydra/sweeper/sampler=grid",
    "hydra.sweeper.ignore=[]",
    "hydra.sweeper.view=none",
]
SWEEP += [
    "hydra.sweeper.slots=2",
    "trainer=cpu",
    "trainer.max_epochs=1",
    "callbacks.early_stopping=null",
    "test=false",
]
SWEEP += ["+trainer.limit_train_batches=1", "+trainer.limit_val_batches=1"]


def cpu_s(trials: int, overrides: list[str]) -> float:
    """Return the CPU seconds of a sweep."""
    seeds = [f"hydra.sweeper.n_trials={trials}", f"+hydra.sweeper.params.seed='range(0,{trials})'"]
    command = [
        sys.executable,
        str(Path(__file__).parents[1] / "train.py"),
        *SWEEP,
        *seeds,
        *overrides,
    ]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            command,
            cwd=folder,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL,
            check=True,
        )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    overrides = sys.argv[1:] or ["logger=none"]
    costs = []
    for _ in range(ROUNDS):
        load, few, many = os.getloadavg()[0], cpu_s(FEW, overrides), cpu_s(MANY, overrides)
        costs.append(1e3 * (many - few) / (MANY - FEW))
        print(
            f"{costs[-1]:.0f} ms of CPU per trial, load {load:.1f} before, {' '.join(overrides)}",
            flush=True,
        )
    print(f"median {median(costs):.0f} ms")


if __name__ == "__main__":
    main()
