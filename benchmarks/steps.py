"""Train one case with this package, a bare PyTorch loop or the usual Lightning recipe, and print
the cost of a step.

    python benchmarks/steps.py CASE {ours,bare,recipe} [--epochs N] [--samples N] [--seed N]
      [overrides]

The data is noise in the shape of the case (cnn: Fashion-MNIST), except for digits and scenes. Prints
one JSON object: images per second and CPU milliseconds per step from the second epoch on, with
validation; the last validation accuracy; the peak memory.
"""  # noqa: E501

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from clock import Clock

ROOT = Path(__file__).parents[1]
CASES: dict[str, dict[str, Any]] = {
    "cnn": {
        "shape": (1, 28, 28),
        "samples": 6400,
        "batch": 128,
        "overrides": ["model/net=vgg_small"],
    },
    "unet": {
        "shape": (3, 64, 64),
        "samples": 320,
        "batch": 16,
        "overrides": ["model=segmentation", "model/net=unet_small"],
    },
    "volume": {
        "shape": (1, 16, 16, 16),
        "samples": 640,
        "batch": 32,
        "overrides": ["model/net=cnn_small"],
    },
    "scenes": {
        "shape": (3, 64, 64),
        "samples": None,
        "batch": 16,
        "overrides": [
            "data=scenes",
            "data.num_train=640",
            "model=segmentation",
            "model/net=unet_small",
        ],
    },
    "digits": {"shape": (1, 8, 8), "samples": None, "batch": 64, "overrides": ["data=digits"]},
    "cifar10": {"shape": (3, 32, 32), "samples": 50_000, "batch": 512, "overrides": []},
}


def noise(case: dict[str, Any], samples: int | None, folder: Path) -> list[str]:
    """Write the case's data and return the overrides that select it."""
    if case["samples"] is None:
        return []
    count, rng = samples or case["samples"], np.random.default_rng(0)
    segments = "model=segmentation" in case["overrides"]
    labels = (count, *case["shape"][1:]) if segments else (count,)
    np.save(folder / "x.npy", rng.integers(0, 256, (count, *case["shape"]), dtype=np.uint8))
    y = rng.integers(0, 3 if segments else 10, labels)
    np.save(folder / "y.npy", y.astype(np.uint8 if segments else np.int64))
    return ["data=arrays", f"data.path={folder}", *(["data.task=segmentation"] if segments else [])]


def ours(overrides: list[str]) -> None:
    """Run train.py with a callback that measures the epochs."""
    import runpy

    from clock_callback import ClockCallback  # noqa: F401  found by its name in the config

    sys.argv = [
        str(ROOT / "train.py"),
        *overrides,
        "+callbacks.clock._target_=clock_callback.ClockCallback",
    ]
    os.environ["WANDB_MODE"] = "offline"
    runpy.run_path(str(ROOT / "train.py"), run_name="__main__")


def build_case(overrides: list[str]) -> Any:
    """Return config, data and model as train.py builds them."""
    from convsweep.training.imports import prepare_imports

    prepare_imports()
    from hydra import compose, initialize_config_dir
    from lightning import seed_everything

    from convsweep.training import build
    from convsweep.training.threads import set_threads

    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        cfg = compose(
            "config", overrides=[text for text in overrides if not text.startswith("hydra.")]
        )
    cfg.trainer.default_root_dir = cfg.name = "benchmark"
    set_threads(cfg.num_threads, None, cfg.data.batch_size)
    seed_everything(cfg.seed, workers=True, verbose=False)
    data = build.build_data(cfg)
    data.setup("fit")
    return cfg, data, build.build_model(cfg, data)


def bare(overrides: list[str]) -> None:
    """Train the same network on the same batches in a plain loop."""
    import torch

    cfg, data, model = build_case(overrides)
    x, y = (
        torch.from_numpy(np.asarray(data.train.x[:])),
        torch.from_numpy(np.asarray(data.train.y[:])).long(),
    )
    val_x, val_y = (
        torch.from_numpy(np.asarray(data.val.x[:])),
        torch.from_numpy(np.asarray(data.val.y[:])).long(),
    )
    device = "cuda" if cfg.trainer.accelerator == "gpu" else "cpu"
    torch.backends.cudnn.benchmark = bool(cfg.trainer.benchmark)
    x, y, val_x, val_y, model = (part.to(device) for part in (x, y, val_x, val_y, model))
    if cfg.model.memory_format != "auto":
        model.lay_out(torch.device(device))
    size, clock, accuracy = int(cfg.data.batch_size), Clock(), 0.0
    steps = len(x) // size
    optimizer = model.make_optimizer(model.parameter_groups())
    schedule = (
        None
        if model.schedule is None
        else model.schedule(optimizer, steps * cfg.trainer.max_epochs)
    )
    for epoch in range(cfg.trainer.max_epochs):
        model.train()
        order = torch.from_numpy(np.random.default_rng((cfg.seed, epoch)).permutation(len(x))).to(
            device
        )
        for step in range(steps):
            rows = order[step * size : (step + 1) * size]
            loss = model.loss(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if schedule is not None:
                schedule.step()
        model.eval()
        with torch.no_grad():
            right = sum(
                int((model(xs).argmax(1) == ys).sum())
                for xs, ys in zip(val_x.split(size), val_y.split(size), strict=True)
            )
        accuracy = right / val_y.numel()
        torch.save(
            {"net": model.state_dict(), "optimizer": optimizer.state_dict()},
            Path(tempfile.gettempdir()) / "bare.ckpt",
        )
        clock.mark()
    clock.report(steps, size, accuracy)


def recipe(overrides: list[str]) -> None:
    """Train as most Lightning projects do (usual_recipe.py)."""
    from usual_recipe import train

    cfg, data, model = build_case(overrides)
    train(cfg, data, model, Clock())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", choices=CASES)
    parser.add_argument("way", choices=("ours", "bare", "recipe"))
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--samples", type=int)
    parser.add_argument("--seed", type=int, default=0)
    given, further = parser.parse_known_args()
    case = CASES[given.case]
    sys.path.insert(0, str(Path(__file__).parent))
    with tempfile.TemporaryDirectory() as folder:
        overrides = [
            *case["overrides"],
            *noise(case, given.samples, Path(folder)),
            f"data.batch_size={case['batch']}",
            f"trainer.max_epochs={given.epochs}",
            *([] if any(text.startswith("trainer=") for text in further) else ["trainer=cpu"]),
            f"seed={given.seed}",
            "test=false",
            "callbacks.early_stopping=null",
            f"hydra.run.dir={folder}/run",
            *further,
        ]
        {"ours": ours, "bare": bare, "recipe": recipe}[given.way](overrides)


if __name__ == "__main__":
    main()
