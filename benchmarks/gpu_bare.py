"""Train on images of CIFAR-10's shape in a plain loop on a GPU, with precision, memory layout and
compilation of the config.

    python benchmarks/gpu_bare.py [--epochs 4] [overrides, e.g. trainer=gpu_fast]

Samples and labels are on the GPU and batches are indexed; there is no synchronisation within an
epoch. Each epoch ends with a validation and a checkpoint. Prints the same figures as steps.py.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent))

from clock import Clock
from steps import CASES, build_case, noise


def train(cfg: Any, data: Any, model: Any, device: torch.device, folder: Path) -> None:
    """Train and print the figures."""
    torch.backends.cudnn.benchmark = bool(cfg.trainer.benchmark)
    x, y, val_x, val_y = (
        on_device(part, device) for part in (data.train.x, data.train.y, data.val.x, data.val.y)
    )
    model.to(device)
    if cfg.model.memory_format != "auto":
        model.lay_out(device)
    mode = cfg.model.compile
    if mode != "none":
        model.net.compile(mode=None if mode == "default" else mode, dynamic=False)
    reduced = torch.autocast(
        device.type, torch.bfloat16, enabled=cfg.trainer.precision == "bf16-mixed"
    )
    optimizer = model.make_optimizer(model.parameter_groups())
    size, clock, accuracy = int(cfg.data.batch_size), Clock(), 0.0
    steps = len(x) // size
    schedule = (
        None
        if model.schedule is None
        else model.schedule(optimizer, steps * cfg.trainer.max_epochs)
    )
    for _ in range(cfg.trainer.max_epochs):
        model.train()
        for rows in torch.randperm(len(x), device=device).split(size)[:steps]:
            with reduced:
                loss = model.loss(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if schedule is not None:
                schedule.step()
        model.eval()
        with torch.no_grad(), reduced:
            batches = zip(val_x.split(size), val_y.split(size), strict=True)
            accuracy = sum(int((model(xs).argmax(1) == ys).sum()) for xs, ys in batches) / len(
                val_y
            )
        torch.save(
            {"net": model.state_dict(), "optimizer": optimizer.state_dict()}, folder / "bare.ckpt"
        )
        clock.mark()
    clock.report(steps, size, accuracy)


def on_device(array: Any, device: torch.device) -> torch.Tensor:
    """Return samples, or labels in the type of the loss, on the device."""
    tensor = torch.from_numpy(np.asarray(array[:])).to(device)
    return tensor.long() if tensor.dim() == 1 else tensor


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--samples", type=int)
    given, further = parser.parse_known_args()
    case = CASES["cifar10"]
    with tempfile.TemporaryDirectory() as name:
        overrides = [*noise(case, given.samples, Path(name)), f"data.batch_size={case['batch']}"]
        overrides += [f"trainer.max_epochs={given.epochs}", "test=false", "logger=none", *further]
        cfg, data, model = build_case(overrides)
        train(
            cfg,
            data,
            model,
            torch.device("cuda" if cfg.trainer.accelerator == "gpu" else "cpu"),
            Path(name),
        )


if __name__ == "__main__":
    main()
