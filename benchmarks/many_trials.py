"""Measure the time per trial in a search of N trials of one step, and the memory of its main
process.

python benchmarks/many_trials.py N [overrides]
"""

import json
import resource
import runpy
import sys
import time
from pathlib import Path

SWEEP = [
    "-m",
    "hydra/sweeper=study",
    "hydra/sweeper/sampler=random",
    "hydra.sweeper.ignore=[]",
    "hydra.sweeper.view=none",
]
SPACE = ["hydra.sweeper.slots=4", "optimizer.lr=interval(0.0001,0.01)"]
SHORT = [
    "trainer=cpu",
    "trainer.max_epochs=1",
    "+trainer.limit_train_batches=1",
    "+trainer.limit_val_batches=1",
    "logger=none",
]


def main() -> None:
    count, *overrides = sys.argv[1:]
    sys.argv = [
        str(Path(__file__).parents[1] / "train.py"),
        *SWEEP,
        *SPACE,
        *SHORT,
        f"hydra.sweeper.n_trials={count}",
        *overrides,
    ]
    began = time.perf_counter()
    runpy.run_path(sys.argv[0], run_name="__main__")
    cost = 1e3 * (time.perf_counter() - began) / int(count)
    print(
        json.dumps(
            {
                "ms_a_trial": cost,
                "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


if __name__ == "__main__":
    main()
