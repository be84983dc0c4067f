"""Run searches by this program and by others for the same time, one after the other.

    python -m benchmarks.search.live live.jsonl --root data --peers PYTHON --official PYTHON \\
        [--samples 4000] [--clock cpu] [--seconds 90] [--seeds 3]
    python -m benchmarks.search.live.summary live.jsonl

One line a search is appended to the file, and the same command goes on where it stopped. PYTHON is
the interpreter of an environment; a method without one is left out:

    uv pip install neural-pipeline-search==0.17.0 "ray[tune]==2.60.0" "optuna>=5" hydra-core \\
        keras keras-tuner six torch lightning rich scikit-learn                      # --peers
    uv pip install --prerelease allow hydra-optuna-sweeper==1.4.0rc3 torch lightning rich \\
        scikit-learn                                                                 # --official
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from benchmarks.search.live.cpu_clock import CpuClock
from benchmarks.search.live.trial import LOG, Setup, save_data
from benchmarks.search.rows import mend, read_rows
from benchmarks.search.samples import load_data
from benchmarks.search.tasks import NAMES

CLOCK = "what --seconds count: cpu, on a machine that does other things too"
POLL_S = 0.5
SOURCES = [Path(__file__).parents[3], Path(__file__).parents[3] / "src"]


@dataclass(frozen=True)
class Method:
    """A search.

    Attributes:
        environment: Which interpreter it needs.
        command: Its module and arguments.
    """

    environment: Literal["own", "peers", "official"]
    command: tuple[str, ...]


@dataclass(frozen=True)
class Budget:
    """When a search ends.

    Attributes:
        clock: What `seconds` count.
        seconds: Since the beginning of the first trial.
        epochs: Epochs after which it ends too, or None.
    """

    clock: str
    seconds: float
    epochs: int | None = None

    def clocked(self, at: list[float], times: list[tuple[float, float]]) -> list[float]:
        """Return Unix times, the first of which is the start, on this clock."""
        wall, cpu = zip(*times, strict=True)
        known = np.array(at) if self.clock == "wall" else np.interp(at, wall, cpu)
        return list(map(float, known - known[0]))

    def is_spent(self, rows: list[dict[str, Any]], times: list[tuple[float, float]]) -> bool:
        """Return whether a search with this log is at its end now."""
        if not rows:
            return False
        trained = sum(row["epoch"] > 0 for row in rows)
        now = self.clocked([rows[0]["at"], times[-1][0]], times)[1]
        return now >= self.seconds or (self.epochs is not None and trained >= self.epochs)


METHODS = {
    "convsweep": Method("own", ("benchmarks.search.live.app", "study")),
    "convsweep, TPE": Method("own", ("benchmarks.search.live.app", "study", "tpe")),
    "convsweep, hand-made prior": Method("own", ("benchmarks.search.live.app", "study", "prior")),
    "convsweep, TPE, hand-made prior": Method(
        "own", ("benchmarks.search.live.app", "study", "prior", "tpe")
    ),
    "random, full length": Method("own", ("benchmarks.search.live.method", "random")),
    "Hydra's Optuna sweeper": Method("official", ("benchmarks.search.live.app", "optuna")),
    "NePS": Method("peers", ("benchmarks.search.live.method", "neps")),
    "Ray Tune, Optuna and ASHA": Method("peers", ("benchmarks.search.live.method", "ray")),
    "NePS, hand-made prior": Method("peers", ("benchmarks.search.live.method", "neps_prior")),
    "Ray Tune, hand-made first": Method("peers", ("benchmarks.search.live.method", "ray_prior")),
    "Keras Tuner, Hyperband": Method("peers", ("benchmarks.search.live.method", "keras")),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--root", default="data", help="folder of the data sets (data.root)")
    parser.add_argument("--task", default="images", choices=NAMES)
    parser.add_argument("--samples", type=int, default=2_000, help="of the training part")
    parser.add_argument("--seconds", type=float, default=240.0, help="budget of a search")
    parser.add_argument("--clock", default="wall", choices=["wall", "cpu"], help=CLOCK)
    parser.add_argument("--epochs", type=int, help="end a search after as many epochs, too")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--peers", help="interpreter of NePS, Ray Tune and Keras Tuner")
    parser.add_argument("--official", help="interpreter of hydra-optuna-sweeper")
    options = parser.parse_args()
    interpreters = {"own": sys.executable, "peers": options.peers, "official": options.official}
    mend(options.file)
    known = {(row["method"], row["seed"]) for row in read_rows(options.file)}
    data = load_data(options.task, options.root, (options.samples, 1_000, 1_000))
    for seed in range(options.seeds):
        for name in options.methods:
            interpreter = interpreters[METHODS[name].environment]
            if interpreter is None or (name, seed) in known:
                continue
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                save_data(data, Path(folder))
                budget = Budget(options.clock, options.seconds, options.epochs)
                setup = Setup(options.task, folder, seed)
                command = [interpreter, "-m", *METHODS[name].command]
                times = run(command, setup, budget)
                row = {"method": name, "seed": seed, "samples": options.samples}
                row |= result(read_rows(Path(folder) / LOG), times, budget)
            with options.file.open("a") as file:
                file.write(json.dumps(row) + "\n")
            print(name, seed, row["trainings"], row["val"][-1:], row["test"][-1:], flush=True)


def run(command: list[str], setup: Setup, budget: Budget) -> list[tuple[float, float]]:
    """Run the command of a search until its budget is spent, which counts from the beginning of the
    first trial; return Unix times and the CPU time until then.

    Raises:
        RuntimeError: the command ended by itself.
    """
    folder = Path(setup.folder)
    environment = {
        **os.environ,
        **setup.environment(),
        "PYTHONPATH": os.pathsep.join(map(str, SOURCES)),
        "OMP_NUM_THREADS": "1",
        "KERAS_BACKEND": "torch",
    }
    clock = CpuClock(setup.folder)
    times: list[tuple[float, float]] = []
    with (folder / "output.log").open("w") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            while process.poll() is None:
                times.append((time.time(), clock.seconds()))
                if budget.is_spent(read_rows(folder / LOG), times):
                    return times
                time.sleep(POLL_S)
        finally:
            end(process)
    raise RuntimeError(f"{command} ended: {(folder / 'output.log').read_text()[-3_000:]}")


def end(process: subprocess.Popen[bytes]) -> None:
    """End a search and all it started: by SIGTERM first, since Ray ends its own processes then."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def result(
    rows: list[dict[str, Any]], times: list[tuple[float, float]], budget: Budget
) -> dict[str, Any]:
    """Return what a search found: each time at which its choice changed, and the choice.

    The choice is the epoch with the best validation accuracy of all so far.
    """
    at = budget.clocked([row["at"] for row in rows], times)
    within = [row | {"at": at} for row, at in zip(rows, at, strict=True) if at <= budget.seconds]
    epochs = [row for row in within if row["epoch"]]
    found: list[dict[str, Any]] = []
    for row in epochs:
        if not found or row["val"] > found[-1]["val"]:
            found.append(row)
    return {
        **asdict(budget),
        "at": [round(row["at"], 2) for row in found],
        "val": [row["val"] for row in found],
        "test": [row["test"] for row in found],
        "num_epochs": len(epochs),
        "trainings": sum(row["epoch"] == 1 for row in epochs),
        "cpu_s": round(sum(row["cpu_s"] for row in epochs), 1),
        "wall_s": round(sum(row["wall_s"] for row in epochs), 1),
        "startup_cpu_s": round(float(np.interp(rows[0]["at"], *zip(*times, strict=True))), 1),
    }


if __name__ == "__main__":
    main()
