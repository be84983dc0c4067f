"""Measure the overhead beyond the network itself, and write the tables of benchmarks/README.md.

    python benchmarks/speed.py [steps start sweep growth accuracy ...] [--rounds 5]
      [--official PYTHON] [--keep FILE]

Every part runs its variants in turn, `--rounds` times, so that changes of the machine's load affect
all of them; the tables show medians, and ratios within a round. Each measurement is appended to
FILE at once, and the same command continues where it was stopped. `--official` is a Python with
hydra-core 1.4.0rc3, hydra-optuna-sweeper 1.4.0rc3, torch, lightning and the other dependencies of
this package; without it the official sweeper is skipped. Takes about an hour and a half on four
idle cores; for GPUs see gpu.py.
"""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from measured import Kept, Way, measure, run  # noqa: E402
from tables import write_readme  # noqa: E402

PYTHON, TRAIN = sys.executable, str(HERE.parent / "train.py")
QUIET = ["trainer=cpu", "logger=none"]
ONE_STEP = ["+callbacks.first._target_=first_step.EndThere"]
SMALL = ["model/net=cnn_small", "model.net.width=4", "logger=none"]
SLOTS = min(4, len(os.sched_getaffinity(0)))


def steps() -> dict[str, list[Way]]:
    """Epochs of three cases with one thread: ours, a bare loop, the same in channels-last, and the
    usual recipe.
    """
    script = str(HERE / "steps.py")
    ways = {"bare": ["bare"], "ours": ["ours"], "recipe": ["recipe"]}
    ways["bare, channels last"] = ["bare", "model.memory_format=channels_last"]
    return {
        f"steps: {case}": [
            Way(name, [PYTHON, script, case, *words]) for name, words in ways.items()
        ]
        for case in ("cnn", "unet", "volume")
    }


def start() -> dict[str, list[Way]]:
    """Starts on two cores: as usual, without compiled bytecode as after installation, and without
    patches.
    """
    commands = {
        "help": ["--help"],
        "cfg job": ["--cfg", "job"],
        "config error": ["model.net.skip=ad"],
        "first step": [*QUIET, *ONE_STEP],
        "first step, W&B offline": ["trainer=cpu", "logger.mode=offline", *ONE_STEP],
    }
    codes = {"config error": 1}
    cores = ["taskset", "-c", "0,1"] if shutil.which("taskset") else []
    uncompiled = [*cores, "env", "PYTHONDONTWRITEBYTECODE=1", "PYTHONPYCACHEPREFIX=/nowhere"]
    found = {}
    for name, arguments in commands.items():
        now = [PYTHON, TRAIN, *arguments]
        code = codes.get(name, 0)
        ways = [
            Way("now", [*cores, *now], code),
            Way("now, nothing compiled", [*uncompiled, *now], code),
        ]
        if name in ("help", "first step", "first step, W&B offline"):
            ways.append(
                Way("without patches", [*cores, "env", "CONVSWEEP_PATCHES=none", *now], code)
            )
        ways.append(Way("torch alone", [*cores, PYTHON, "-c", "import torch"]))
        found[f"start: {name}"] = ways
    return found


def sweep(official: str | None) -> dict[str, list[Way]]:
    """The same 40 trainings of digits, one a core but at most four at a time, one thread each."""
    ours = [
        PYTHON,
        TRAIN,
        "-m",
        "hydra/sweeper=study",
        "hydra/sweeper/sampler=grid",
        "hydra.sweeper.ignore=[]",
        "trainer=cpu",
    ]
    ours += [
        f"hydra.sweeper.slots={SLOTS}",
        "hydra.sweeper.n_trials=40",
        "+hydra.sweeper.params.seed='range(0,40)'",
    ]
    ours += ["trainer.max_epochs=12", "callbacks.early_stopping=null", "test=false"]
    ways = [
        Way("bare", [PYTHON, str(HERE / "sweep_bare.py"), "--slots", str(SLOTS)]),
        Way("ours", [*ours, "logger=none"]),
    ]
    ways.append(Way("ours, W&B offline", [*ours, "logger.mode=offline"]))
    if official:
        command = [official, str(HERE / "sweep_official.py"), "-m", f"hydra.sweeper.n_jobs={SLOTS}"]
        ways.append(Way("official sweeper, usual recipe", command))
    return {"sweep: 40 trials of digits": ways}


def growth() -> dict[str, list[Way]]:
    """Time and memory of a step by number of epochs and samples, and of a trial by number of
    trials.
    """
    script = str(HERE / "steps.py")
    epochs = [
        Way(
            f"{number} epochs",
            [PYTHON, script, "digits", "ours", "--epochs", str(number), "logger=none"],
        )
        for number in (2, 10, 100)
    ]
    sizes = [
        Way(
            f"{number:,} samples",
            [PYTHON, script, "cnn", "ours", "--epochs", "2", "--samples", str(number), *SMALL],
        )
        for number in (1_280, 12_800, 128_000)
    ]
    trials = [
        Way(f"{number:,} trials", [PYTHON, str(HERE / "ask_tell.py"), str(number)])
        for number in (10, 100, 1_000, 5_000)
    ]
    searches = [
        Way(f"{number:,} trials", [PYTHON, str(HERE / "many_trials.py"), str(number)])
        for number in (10, 100)
    ]
    return {
        "growth: epochs": epochs,
        "growth: data": sizes,
        "growth: asking and telling": trials,
        "growth: a search of trials of one step": searches,
    }


def accuracy() -> dict[str, list[Way]]:
    """Validation accuracy after the same training; a round is another seed."""
    script, ways = str(HERE / "steps.py"), {"bare": ["bare"], "ours": ["ours", "logger=none"]}
    return {
        f"accuracy: {case}": [
            Way(name, [PYTHON, script, case, *words, "--epochs", str(epochs), "--seed", "{round}"])
            for name, words in ways.items()
        ]
        for case, epochs in (("digits", 12), ("scenes", 4))
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts: dict[str, Callable[[], dict[str, list[Way]]]] = {
        "steps": steps,
        "start": start,
        "growth": growth,
        "accuracy": accuracy,
    }
    parser.add_argument(
        "parts", nargs="*", help="steps, start, sweep, growth, accuracy; default: all"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--official")
    parser.add_argument("--keep", type=Path, default=Path("outputs/benchmarks/speed.jsonl"))
    given = parser.parse_args()
    parts["sweep"] = lambda: sweep(given.official)
    kept = Kept(given.keep)
    compiled = given.keep.parent.absolute() / "compiled"
    os.environ |= {
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(HERE),
        "PYTHONPYCACHEPREFIX": str(compiled),
    }
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    try:
        for name in given.parts or parts:
            for title, ways in parts[name]().items():
                for way in ways if name == "start" else []:
                    # not measured: compiles the bytecode that later starts find
                    run(way.command, way.code)
                measure(kept, title, ways, given.rounds)
    finally:
        write_readme(HERE / "README.md", kept)
    print(json.dumps({"kept": str(given.keep), "table": str(HERE / "README.md")}))


if __name__ == "__main__":
    main()
