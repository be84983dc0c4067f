"""Measures on one NVIDIA GPU and prints the table: a step against a bare loop, CIFAR-10 to 94 %, several trials at a time.

    python benchmarks/gpu.py --root FOLDER_OF_CIFAR10 [--seeds 10] [--keep outputs/benchmarks/gpu.jsonl]

FOLDER holds cifar-10-batches-py or is where it shall be downloaded to. It goes on where it was stopped; about an hour on an H100.
It has not been run yet: it waits for a machine with a GPU.
"""

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import mean, median
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from measured import Kept, Way, measure, run  # noqa: E402

PYTHON, TRAIN = sys.executable, str(HERE.parent / "train.py")
RESNET = ["model/net=resnet18_small"]
PRESETS = {
    "bare loop, fp32": ("bare", ["trainer=gpu", "trainer.precision=32-true"]),
    "ours, fp32": ("ours", ["trainer=gpu", "trainer.precision=32-true"]),
    "ours, trainer=gpu": ("ours", ["trainer=gpu"]),
    "ours, trainer=gpu_fast": ("ours", ["trainer=gpu_fast"]),
    "ours, read by the processor": ("ours", ["trainer=gpu", "data.hold=memory"]),
}


def steps(kept: Kept, root: str) -> None:
    """Images a second of ResNet-18 on CIFAR-10, in turn."""
    script = str(HERE / "steps.py")
    ways = [
        Way(name, [PYTHON, script, "cifar10", way, "--epochs", "4", *RESNET, f"data.root={root}", *more])
        for name, (way, more) in PRESETS.items()
    ]
    measure(kept, "ResNet-18, CIFAR-10, batch 512", ways, rounds=5)


def to_94(kept: Kept, root: str, seeds: int) -> None:
    """Training seconds and test accuracy of experiment=cifar10_fast, and of a plain baseline, by seed."""
    for seed in range(seeds):
        for name, overrides in (
            ("experiment=cifar10_fast", ["experiment=cifar10_fast"]),
            (
                "plain ResNet-18",
                ["data=cifar10", "model/net=resnet18_small", "data/augment=crop_flip", "trainer=gpu", "trainer.max_epochs=30"],
            ),
        ):
            if not kept.has("to 94 %", name, seed):
                folder = (kept.path.parent / f"{name.partition('=')[2] or 'plain'}_{seed}_{time.time():.0f}").absolute()
                row = run(
                    [PYTHON, TRAIN, *overrides, f"data.root={root}", f"seed={seed}", "logger=none", f"hydra.run.dir={folder}"]
                )
                result = folder / "result.json"
                found = json.loads(result.read_text()) if result.is_file() else {}
                row |= {"seconds": found.get("seconds"), "accuracy": found.get("test", {}).get("test/accuracy")}
                kept.add({"title": "to 94 %", "way": name, "round": seed, **row})


def together(kept: Kept, root: str) -> None:
    """Trials an hour, memory and utilisation with one, two, four and eight trials on the GPU."""
    search = [PYTHON, TRAIN, "-m", "hydra/sweeper=study", "hydra/sweeper/sampler=grid", "hydra.sweeper.ignore=[]"]
    search += ["data=fashion_mnist", f"data.root={root}", "trainer=gpu", "trainer.max_epochs=2", "logger=none", "test=false"]
    search += ["+hydra.sweeper.params.seed='range(0,16)'", "hydra.sweeper.n_trials=16"]
    for count in (1, 2, 4, 8):
        name = f"{count} at a time"
        if not kept.has("trials on one GPU", name, 0):
            with watched() as seen:
                row = run([*search, f"hydra.sweeper.gpus={1 / count}"])
            use = {"utilisation": mean(seen["use"] or [0]), "memory_mib": max(seen["memory"] or [0])}
            kept.add({"title": "trials on one GPU", "way": name, "round": 0, "trials_h": 16 * 3600 / row["wall_s"], **row, **use})


@contextmanager
def watched() -> Iterator[dict[str, list[float]]]:
    """Collect the GPU's use in percent and its memory in MiB, twice a second."""
    seen: dict[str, list[float]] = {"use": [], "memory": []}
    over = threading.Event()

    def look() -> None:
        query = ["nvidia-smi", "--query-gpu=utilization.gpu,memory.used", "--format=csv,noheader,nounits"]
        while not over.wait(0.5):
            use, memory = subprocess.run(query, capture_output=True, text=True).stdout.splitlines()[0].split(",")
            seen["use"].append(float(use))
            seen["memory"].append(float(memory))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def show(kept: Kept) -> None:
    """Print all tables."""
    figures = ("images_s", "seconds", "accuracy", "trials_h", "utilisation", "memory_mib", "wall_s")
    for title in kept.titles():
        print(f"\n{title}\n")
        base: dict[str, Any] = {}
        for way, rows in kept.of(title).items():
            values = {name: [row[name] for row in rows if row.get(name) is not None] for name in figures}
            middle = {name: median(found) for name, found in values.items() if found}
            base = base or middle
            ratio = f"ratio {middle['images_s'] / base['images_s']:.3f}  " if "images_s" in middle and "images_s" in base else ""
            print(
                f"  {way:32s} runs {len(rows):2d}  {ratio}" + "  ".join(f"{name} {value:.4g}" for name, value in middle.items())
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--keep", type=Path, default=Path("outputs/benchmarks/gpu.jsonl"))
    given = parser.parse_args()
    kept, root = Kept(given.keep), str(Path(given.root).absolute())
    try:
        steps(kept, root)
        to_94(kept, root, given.seeds)
        together(kept, root)
    finally:
        show(kept)


if __name__ == "__main__":
    main()
