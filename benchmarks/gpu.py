"""Measure on one NVIDIA GPU: steps compared with a bare loop, CIFAR-10 to 94 %, several trials at a
time.

    python benchmarks/gpu.py [steps to_94 together] [--root data] [--minutes 60] [--rounds 3]
      [--seeds 10] [--keep FILE]

`steps` needs no data. The others read CIFAR-10 from ROOT (cifar-10-batches-py or
cifar-10-python.tar.gz), or download it there. The parts take turns, so that the first round
measures everything once. All of it takes about half an hour on an H100 (estimated: it has not been
run on a GPU yet), two thirds of that with `--rounds 2`; no measurement starts after MINUTES. Each
measurement is a command with a time limit of LIMIT seconds, and is appended to FILE at once; the
same command continues where it was stopped, and repeats what failed. The tables are updated beside
FILE, and printed at the end.

`--cpu` is a small test run without a GPU, whose figures are meaningless.
"""

import argparse
import csv
import json
import os
import platform
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from statistics import mean, median
from typing import Any

HERE = Path(__file__).parent.absolute()
sys.path.insert(0, str(HERE))

from gpu_watch import multi_process_service, query_gpu, watch_gpu  # noqa: E402
from measured import Kept, run  # noqa: E402

STEPS, TO_94, TOGETHER = (
    "ResNet-18, 32x32, batch 512, images a second",
    "CIFAR-10 to 94 %",
    "16 trials on one GPU",
)
RESNET = ["model/net=resnet18_small"]
FP32, REDUCED, FAST = (
    ["trainer=gpu", "trainer.precision=32-true"],
    ["trainer=gpu"],
    ["trainer=gpu_fast"],
)
LAST, COMPILED, HELD = (
    ["model.memory_format=channels_last"],
    ["model.compile=default"],
    ["data.hold=memory"],
)
PAIRS = {  # name: overrides, and whether a bare loop does the same
    "trainer=gpu": (REDUCED, True),
    "trainer=gpu_fast": (FAST, True),
    "fp32": (FP32, True),
    "trainer=gpu, channels last": ([*REDUCED, *LAST], True),
    "trainer=gpu, compiled without graphs": ([*REDUCED, *COMPILED], False),
    "trainer=gpu, read by the processor": ([*REDUCED, *HELD], False),
}
PLAIN = [
    "data=cifar10",
    *RESNET,
    "data/augment=crop_flip",
    "optimizer=sgd",
    "scheduler=one_cycle",
    "trainer=gpu",
]
PLAIN += ["data.batch_size=512", "optimizer.lr=0.4", "trainer.max_epochs=30", "callbacks=none"]
RECIPES = {  # the first with all seeds, the others with as many as there are rounds
    "experiment=cifar10_fast": ["experiment=cifar10_fast"],
    "cifar10_fast, not compiled": ["experiment=cifar10_fast", "model.compile=none"],
    "cifar10_fast, 16 epochs": ["experiment=cifar10_fast", "trainer.max_epochs=16"],
    "cifar10_fast, 32 epochs": ["experiment=cifar10_fast", "trainer.max_epochs=32"],
    "plain ResNet-18, 30 epochs": PLAIN,
}
AT_A_TIME = (1, 2, 4, 8)
TRIALS = 16
# Exit code of `timeout` after the time limit.
TOO_LONG = 124
SMALL = {  # overrides of a test run
    STEPS: [
        "trainer.accelerator=cpu",
        "model.net.width=4",
        "data.batch_size=16",
        "model.compile=none",
    ],
    TO_94: [
        "trainer.accelerator=cpu",
        "model.compile=none",
        "trainer.max_epochs=2",
        "model.net.width=4",
        "data.max_train=600",
    ],
    TOGETHER: [
        "trainer.accelerator=cpu",
        "trainer.max_epochs=1",
        "data.max_train=200",
        "model.net.width=2",
    ],
}


class Bench:
    """Commands, each measured once per round, as long as there is time.

    Args:
        kept: Measurements so far; failed ones are discarded.
        given: The command line.
    """

    def __init__(self, kept: Kept, given: argparse.Namespace) -> None:
        kept.rows = [row for row in kept.rows if "error" not in row]
        self.kept, self.given = kept, given
        self.end = time.monotonic() + 60 * given.minutes

    def once(
        self, title: str, way: str, number: int, measured: Callable[[], dict[str, Any]]
    ) -> None:
        """Measure unless that was done or the time is over; errors are stored, too."""
        if self.kept.has(title, way, number) or self.left() < 20:
            return
        try:
            row = measured()
        except Exception as error:
            row = {"error": repr(error)}
        if "code" in row:
            row["error"] = (
                "too long: " if row["code"] == TOO_LONG else f"exit code {row['code']}: "
            ) + row["error"]
        self.kept.add({"title": title, "way": way, "round": number, **row})
        says = " ".join(row["error"].split())[-300:] if "error" in row else figures(row)
        print(f"{title} | {way} | {number} | {says}", flush=True)
        self.given.keep.with_suffix(".md").write_text(tables(self.kept))

    def run(
        self, command: Sequence[str], environment: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Run a command within the remaining time; `timeout` ends it and its children."""
        seconds = max(20, min(self.given.limit, self.left()))
        variables = [f"{name}={value}" for name, value in (environment or {}).items()]
        return run(["env", *variables, "timeout", "-k", "20", f"{seconds:.0f}", *command])

    def stop(self, *_: Any) -> None:
        """End the running command, and start no more."""
        self.end = 0.0
        for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
            os.kill(int(pid), signal.SIGTERM)  # `timeout`, which passes it on

    def left(self) -> float:
        """Return the remaining seconds."""
        return self.end - time.monotonic()

    def small(self, title: str) -> list[str]:
        """Return the overrides of a test run; none for a measurement."""
        return SMALL[title] if self.given.cpu else []


def steps(bench: Bench, number: int) -> None:
    """Images per second of ResNet-18 on noise of CIFAR-10's shape, ours and in a bare loop."""
    if number >= bench.given.rounds:
        return
    samples = ["--epochs", "2", "--samples", "400"] if bench.given.cpu else ["--epochs", "4"]
    for name, (overrides, has_bare) in PAIRS.items():
        more = [*samples, *RESNET, "logger=none", *overrides, *bench.small(STEPS)]
        ours, bare = [str(HERE / "steps.py"), "cifar10", "ours"], [str(HERE / "gpu_bare.py")]
        for way, script in ((f"bare, {name}", bare), (f"ours, {name}", ours)):
            if has_bare or script is ours:
                bench.once(
                    STEPS,
                    way,
                    number,
                    lambda script=script, more=more: bench.run([sys.executable, *script, *more]),
                )


def to_94(bench: Bench, number: int) -> None:
    """Seconds and test accuracy of experiment=cifar10_fast, variants and a baseline, by seed."""
    for place, (name, overrides) in enumerate(RECIPES.items()):
        if number < (bench.given.rounds if place else bench.given.seeds):
            chosen = [
                *overrides,
                f"data.root={bench.given.root}",
                f"seed={number}",
                *bench.small(TO_94),
            ]
            bench.once(TO_94, name, number, lambda chosen=chosen: train(bench, chosen))


def train(bench: Bench, overrides: Sequence[str]) -> dict[str, Any]:
    """Run train.py; return the time of its epochs, of the command, and the test accuracy."""
    clock = "+callbacks.clock._target_=epoch_clock.EpochClock"
    with tempfile.TemporaryDirectory() as folder:
        options = [clock, "logger=none", f"hydra.run.dir={folder}/run"]
        row = bench.run([sys.executable, str(HERE.parent / "train.py"), *overrides, *options])
        with suppress(OSError):
            row["accuracy"] = json.loads(Path(folder, "run", "result.json").read_text())["test"][
                "test/accuracy"
            ]
    return row


def together(bench: Bench, number: int) -> None:
    """Trials per hour, memory and utilisation with 1 to 8 trials at a time, also with MPS."""
    if number > 0:
        return
    for count in AT_A_TIME:
        bench.once(TOGETHER, f"{count} at a time", 0, lambda count=count: search(bench, count, {}))
    with multi_process_service() as variables:
        for count in AT_A_TIME[2:]:
            way = f"{count} at a time, MPS"
            if variables is not None:
                bench.once(TOGETHER, way, 0, lambda count=count: search(bench, count, variables))
            else:
                print(f"{TOGETHER} | {way} | left out: no nvidia-cuda-mps-control here", flush=True)


def search(bench: Bench, count: int, environment: dict[str, str]) -> dict[str, Any]:
    """Train the same small network with 16 seeds, `count` at a time, and return the figures."""
    command = [
        sys.executable,
        str(HERE.parent / "train.py"),
        "-m",
        "hydra/sweeper=study",
        "hydra/sweeper/sampler=grid",
    ]
    command += [
        "hydra.sweeper.ignore=[]",
        "hydra.sweeper.view=none",
        "data=cifar10",
        f"data.root={bench.given.root}",
    ]
    command += [
        "model/net=vgg_small",
        "trainer=gpu",
        "trainer.max_epochs=3",
        "logger=none",
        "test=false",
    ]
    command += [
        f"+hydra.sweeper.params.seed='range(0,{TRIALS})'",
        f"hydra.sweeper.n_trials={TRIALS}",
    ]
    command += (
        [f"hydra.sweeper.slots={min(count, 2)}"]
        if bench.given.cpu
        else [f"hydra.sweeper.gpus={1 / count}"]
    )
    with tempfile.TemporaryDirectory() as folder, watch_gpu() as seen:
        row = bench.run(
            [*command, f"hydra.sweep.dir={folder}/sweep", *bench.small(TOGETHER)], environment
        )
        with suppress(OSError), Path(folder, "sweep", "sweep.csv").open() as file:
            trials = list(csv.DictReader(file))
            row["kinds"] = dict(Counter(trial["kind"] for trial in trials))
            row |= (
                {"error": trials[0]["reason"] or "no trial is complete"}
                if "complete" not in row["kinds"]
                else {}
            )
    row["trials_h"] = row.get("kinds", {}).get("complete", 0) * 3600 / row["wall_s"]
    return row | {
        name: fold(seen[key])
        for name, key, fold in (("use", "use", mean), ("mib", "memory", max))
        if seen[key]
    }


FIGURES = {  # key of a row -> column and format
    "images_s": ("images/s", "{:,.0f}"),
    "train_s": ("epochs, s", "{:.1f}"),
    "first_epoch_s": ("first epoch, s", "{:.1f}"),
    "trials_h": ("trials an hour", "{:,.0f}"),
    "use": ("GPU in use, %", "{:.0f}"),
    "mib": ("GPU memory, MiB", "{:,.0f}"),
    "cuda_mib": ("GPU memory, MiB", "{:,.0f}"),
    "wall_s": ("command, s", "{:.1f}"),
    "accuracy": ("accuracy", "{:.4f}"),
}
OF_TITLE = {
    STEPS: ("images_s", "wall_s"),
    TO_94: ("train_s", "first_epoch_s", "wall_s", "cuda_mib", "accuracy"),
    TOGETHER: ("trials_h", "wall_s", "use", "mib"),
}


def figures(row: dict[str, Any]) -> str:
    """Return a measurement as text."""
    return ", ".join(
        f"{word} {form.format(row[key])}"
        for key, (word, form) in FIGURES.items()
        if row.get(key) is not None
    )


def tables(kept: Kept) -> str:
    """Return all tables as Markdown: medians (means of accuracies), with minimum and maximum."""
    found = [machine()]
    for title in kept.titles():
        names = OF_TITLE[title]
        head = ["way", "runs", *(FIGURES[name][0] for name in names)] + (
            ["ratio to the bare loop"] if title == STEPS else []
        )
        lines = [f"\n## {title}\n", f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
        ways = kept.of(title)
        for way, rows in ways.items():
            good = [row for row in rows if "error" not in row]
            failed = f" ({len(rows) - len(good)} failed)" if len(good) < len(rows) else ""
            cells = [way, f"{len(good)}{failed}", *(cell(name, good) for name in names)]
            lines.append(
                f"| {' | '.join(cells + ([ratio(way, ways)] if title == STEPS else []))} |"
            )
        found.append("\n".join(lines))
    return "\n".join(found) + "\n"


def cell(name: str, rows: list[dict[str, Any]]) -> str:
    """Return a figure with its spread."""
    values, form = [row[name] for row in rows if row.get(name) is not None], FIGURES[name][1]
    if not values:
        return ""
    middle = (
        f"{form.format(median(values))}"
        if name != "accuracy"
        else f"mean {form.format(mean(values))}"
    )
    return (
        middle
        if len(values) == 1
        else f"{middle} ({form.format(min(values))} to {form.format(max(values))})"
    )


def ratio(way: str, ways: dict[str, list[dict[str, Any]]]) -> str:
    """Return the ratio of images per second to the bare loop of the same setting, else of
    `trainer=gpu`, within a round.
    """
    twin = way.replace("ours", "bare")
    base = {
        row["round"]: row
        for row in ways.get(twin, ways.get("bare, trainer=gpu", []))
        if "images_s" in row
    }
    ratios = [
        row["images_s"] / base[row["round"]]["images_s"]
        for row in ways[way]
        if "images_s" in row and row["round"] in base
    ]
    note = "" if twin in ways else " (bare, trainer=gpu)"
    return f"{median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f}){note}" if ratios else ""


def machine() -> str:
    """Return GPU, machine and versions."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "lightning"))
    gpu = ", ".join(query_gpu("name,driver_version,memory.total")) or "no GPU"
    return f"{gpu}; {os.cpu_count()} cores, Python {platform.python_version()}, {packages}."


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = {"steps": steps, "to_94": to_94, "together": together}
    parser.add_argument("parts", nargs="*", help=f"{', '.join(parts)}; default: all")
    parser.add_argument("--root", type=Path, default=Path("data"))
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--limit", type=float, default=300.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--keep", type=Path, default=Path("outputs/benchmarks/gpu.jsonl"))
    parser.add_argument("--cpu", action="store_true", help="small test run without a GPU")
    given = parser.parse_args()
    given.root = given.root.absolute()
    # for the callback EpochClock, and for a checkout that is not installed
    paths = [str(HERE), str(HERE.parent / "src"), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    if not given.cpu:
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")
    bench = Bench(Kept(given.keep), given)
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, bench.stop)
    try:
        for number in range(max(given.rounds, given.seeds)):
            for name in given.parts or parts:
                parts[name](bench, number)
    finally:
        print(f"\n{tables(bench.kept)}")


if __name__ == "__main__":
    main()
