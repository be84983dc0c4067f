"""Forty trainings of digits in bare loops, in a pool of single-threaded processes: the lower bound
for a search.

python benchmarks/sweep_bare.py --slots 4
"""

import argparse
import io
import multiprocessing
from contextlib import redirect_stdout

TRIALS, EPOCHS = 40, 12


def train(seed: int) -> None:
    """Train once."""
    from steps import bare

    overrides = [f"seed={seed}", f"trainer.max_epochs={EPOCHS}", "trainer=cpu", "test=false"]
    with redirect_stdout(io.StringIO()):
        bare(overrides)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slots", type=int, default=4)
    slots = parser.parse_args().slots
    with multiprocessing.get_context("spawn").Pool(slots) as pool:
        pool.map(train, range(TRIALS), chunksize=1)


if __name__ == "__main__":
    main()
