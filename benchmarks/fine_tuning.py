"""Compare fine-tuning with training anew on a small set of other classes, for equally many epochs.

    python benchmarks/fine_tuning.py CIFAR-10-BATCHES-PY [--out FOLDER] [--seeds 5]

CIFAR-10-BATCHES-PY is the published folder of that name. A network of the preset vgg_small learns
five classes of CIFAR-10 (25,000 images); then 500 images of the other five are learnt anew, from
these weights, and in the phases of `experiment=fine_tune`, with the same epochs, and tested on
5,000 images. Prints one row a way; runs that are there are not repeated.
"""

import argparse
import json
import pickle
import subprocess
import sys
from pathlib import Path
from statistics import mean

import numpy as np
from numpy.typing import NDArray

TRAIN = Path(__file__).parents[1] / "train.py"
KNOWN = [0, 1, 4, 5, 9]  # aeroplane, car, deer, dog, lorry
OTHERS = [2, 3, 6, 7, 8]
A_CLASS = 100
COMMON = [
    "data=arrays",
    "model/net=vgg_small",
    "logger=none",
    "callbacks.early_stopping=null",
    "num_threads=1",
]
SMALL = ["data.batch_size=32", "data/augment=none", "trainer.max_epochs=15", "optimizer.lr=2e-3"]


def load(folder: Path, names: list[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return images (N, 3, 32, 32) and classes (N,) of some batches of CIFAR-10."""
    batches = [
        pickle.loads((folder / name).read_bytes(), encoding="bytes")  # published, checked by md5
        for name in names
    ]
    x = np.concatenate([batch[b"data"] for batch in batches]).reshape(-1, 3, 32, 32)
    return x, np.concatenate([batch[b"labels"] for batch in batches]).astype(np.int64)


def save(path: Path, train: tuple, test: tuple, classes: list[int], a_class: int | None) -> None:
    """Write the images of some classes, the first `a_class` of each for training."""
    parts: dict[str, NDArray] = {}
    for name, (x, y), most in (("train", train, a_class), ("test", test, None)):
        chosen = np.concatenate([np.flatnonzero(y == label)[:most] for label in classes])
        chosen = np.random.default_rng(0).permutation(chosen)
        parts[f"x_{name}"] = x[chosen]
        parts[f"y_{name}"] = np.searchsorted(classes, y[chosen])
    np.savez(path, **parts)


def train(folder: Path, *overrides: str) -> float:
    """Return the test accuracy of a training; one that is there is not repeated, one that was
    interrupted goes on.
    """
    if not (folder / "result.json").is_file():
        begun = (folder / "checkpoints" / "last.ckpt").is_file()
        words = [f"resume={folder}"] if begun else [*COMMON, *overrides, f"hydra.run.dir={folder}"]
        subprocess.run([sys.executable, str(TRAIN), *words], check=True, stdout=subprocess.DEVNULL)
    result = json.loads((folder / "result.json").read_text())
    return float(result["test"]["test/accuracy"])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cifar10", type=Path)
    parser.add_argument("--out", type=Path, default=Path("outputs/fine_tuning"))
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    out = options.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    learnt = load(options.cifar10, [f"data_batch_{number}" for number in range(1, 6)])
    held = load(options.cifar10, ["test_batch"])
    save(out / "known.npz", learnt, held, KNOWN, None)
    save(out / "small.npz", learnt, held, OTHERS, A_CLASS)
    first = train(out / "known", f"data.path={out / 'known.npz'}", "trainer.max_epochs=6", "seed=0")
    print(f"25,000 images of five classes, 6 epochs: test accuracy {100 * first:.1f} %\n")
    start = f"init_from={out / 'known'}"
    ways = {
        "anew": [],
        "from these weights": [start],
        "from these weights, falling learning rates": [start, "model.lr_decay=0.7"],
        "the last part alone": [start, "model.frozen=body"],
        "in two phases": [start, "experiment=fine_tune"],
    }
    print("| 500 images of five others | test accuracy, mean (lowest to highest) |\n|---|---|")
    for number, (way, overrides) in enumerate(ways.items()):
        found = [
            100
            * train(
                out / f"{number}_{seed}",
                f"data.path={out / 'small.npz'}",
                *SMALL,
                *overrides,
                f"seed={seed}",
            )
            for seed in range(options.seeds)
        ]
        print(f"| {way} | {mean(found):.1f} % ({min(found):.1f} to {max(found):.1f}) |", flush=True)


if __name__ == "__main__":
    main()
