"""Measures on one NVIDIA GPU and prints the table: a step against a bare loop, CIFAR-10 to 94 %, several trials at a time.

    python benchmarks/gpu.py [steps to_94 together] [--root data] [--rounds 5] [--seeds 10] [--keep outputs/benchmarks/gpu.jsonl]

`steps` needs no data. The others read CIFAR-10 in ROOT, which holds cifar-10-batches-py or is where it shall be downloaded to.
It goes on where it was stopped; about an hour on an H100. It has not been run yet: it waits for a machine with a GPU. To see what
MPS gives to `together`, start `nvidia-cuda-mps-control -d` beforehand.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
    "ours, trainer=gpu, channels last": ("ours", ["trainer=gpu", "model.memory_format=channels_last"]),
    "ours, trainer=gpu, compiled without graphs": ("ours", ["trainer=gpu", "model.compile=default"]),
    "ours, trainer=gpu_fast": ("ours", ["trainer=gpu_fast"]),
    "ours, read by the processor": ("ours", ["trainer=gpu", "data.hold=memory"]),
}


def steps(kept: Kept, given: argparse.Namespace) -> None:
    """Images a second of ResNet-18 on noise of CIFAR-10's shape, in turn."""
    script = str(HERE / "steps.py")
    ways = [
        Way(name, [PYTHON, script, "cifar10", way, "--epochs", "4", *RESNET, "logger=none", *more])
        for name, (way, more) in PRESETS.items()
    ]
    measure(kept, "ResNet-18, 32x32, batch 512", ways, given.rounds)


def to_94(kept: Kept, given: argparse.Namespace) -> None:
    """Seconds and test accuracy of experiment=cifar10_fast, and of a plain baseline, by seed."""
    plain = ["data=cifar10", *RESNET, "data/augment=crop_flip", "trainer=gpu", "trainer.max_epochs=30"]
    for seed in range(given.seeds):
        for name, overrides in (("experiment=cifar10_fast", ["experiment=cifar10_fast"]), ("plain ResNet-18", plain)):
            if not kept.has("to 94 %", name, seed):
                row = train([*overrides, f"data.root={given.root}", f"seed={seed}"])
                kept.add({"title": "to 94 %", "way": name, "round": seed, **row})
                print(name, seed, row.get("error") or f"{row['accuracy']:.4f} in {row['train_s']:.1f} s", flush=True)


def train(overrides: list[str]) -> dict[str, Any]:
    """Run train.py and return what it took: all of it, and its epochs alone, counted as those behind the first."""
    clock = "+callbacks.clock._target_=clock_callback.ClockCallback"
    with tempfile.TemporaryDirectory() as folder:
        row = run([PYTHON, TRAIN, *overrides, clock, "logger=none", f"hydra.run.dir={folder}/run"])
        with suppress(OSError):
            result = json.loads(Path(folder, "run", "result.json").read_text())
            row |= {"seconds": result["seconds"], "accuracy": result.get("test", {}).get("test/accuracy")}
            row |= {"train_s": row["epoch_s"] * result["epochs"]} if "epoch_s" in row else {}
    return row


def together(kept: Kept, given: argparse.Namespace) -> None:
    """Trials an hour, memory and utilisation with one, two, four and eight trials on the GPU."""
    search = [PYTHON, TRAIN, "-m", "hydra/sweeper=study", "hydra/sweeper/sampler=grid", "hydra.sweeper.ignore=[]"]
    search += ["data=cifar10", f"data.root={given.root}", "model/net=vgg_small", "trainer=gpu", "trainer.max_epochs=3"]
    search += ["logger=none", "test=false", "+hydra.sweeper.params.seed='range(0,16)'", "hydra.sweeper.n_trials=16"]
    for count in (1, 2, 4, 8):
        name = f"{count} at a time"
        if not kept.has("trials on one GPU", name, 0):
            with watched() as seen:
                row = run([*search, f"hydra.sweeper.gpus={1 / count}"])
            use = {"utilisation": mean(seen["use"] or [0]), "memory_mib": max(seen["memory"] or [0])}
            kept.add({"title": "trials on one GPU", "way": name, "round": 0, "trials_h": 16 * 3600 / row["wall_s"], **row, **use})
            print(name, row.get("error") or f"{row['wall_s']:.1f} s", flush=True)


@contextmanager
def watched() -> Iterator[dict[str, list[float]]]:
    """Collect the GPU's use in percent and its memory in MiB, twice a second."""
    seen: dict[str, list[float]] = {"use": [], "memory": []}
    over = threading.Event()

    def look() -> None:
        query = ["nvidia-smi", "--query-gpu=utilization.gpu,memory.used", "--format=csv,noheader,nounits"]
        while not over.wait(0.5):
            with suppress(OSError, ValueError, IndexError):
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
    figures = ("images_s", "train_s", "seconds", "accuracy", "trials_h", "utilisation", "memory_mib", "wall_s")
    for title in kept.titles():
        print(f"\n{title}\n")
        base: dict[str, Any] = {}
        for way, rows in kept.of(title).items():
            values = {name: [row[name] for row in rows if row.get(name) is not None] for name in figures}
            middle = {name: median(found) for name, found in values.items() if found}
            base = base or middle
            failed = sum("error" in row for row in rows)
            ratio = f"failed {failed}  " if failed else ""
            ratio += f"ratio {middle['images_s'] / base['images_s']:.3f}  " if "images_s" in middle and "images_s" in base else ""
            print(
                f"  {way:32s} runs {len(rows):2d}  {ratio}" + "  ".join(f"{name} {value:.4g}" for name, value in middle.items())
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = {"steps": steps, "to_94": to_94, "together": together}
    parser.add_argument("parts", nargs="*", help=f"{', '.join(parts)}; all where none is named")
    parser.add_argument("--root", type=Path, default=Path("data"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--keep", type=Path, default=Path("outputs/benchmarks/gpu.jsonl"))
    given = parser.parse_args()
    given.root = given.root.absolute()
    os.environ["PYTHONPATH"] = str(HERE)  # of the clock
    kept = Kept(given.keep)
    try:
        for name in given.parts or parts:
            parts[name](kept, given)
    finally:
        show(kept)


if __name__ == "__main__":
    main()
