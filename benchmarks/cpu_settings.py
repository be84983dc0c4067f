"""Measure training steps on the CPU by precision, memory layout, threads and optimiser.

    python benchmarks/cpu_settings.py {precision,threads,optimizer} [--cases cnn unet ...]
      [--rounds 7] [--seconds 0.5]

Each round runs every setting once, in one process, for about `seconds`. Printed are medians over the
rounds, and for ratios to the first setting within a round also minimum and maximum.
"""  # noqa: E501

import argparse
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from measured import middle
from torch import Tensor

# Wall and CPU milliseconds of a step.
Cost = tuple[float, float]

CONF = str(Path(__file__).parents[1] / "conf")
# Batch size, shape of a sample, overrides.
CASES: dict[str, tuple[int, tuple[int, ...], list[str]]] = {
    "digits": (64, (1, 8, 8), ["model/net=cnn_small"]),
    "cnn": (128, (1, 28, 28), ["model/net=vgg_small"]),
    "resnet": (64, (3, 32, 32), ["model/net=resnet20"]),
    "unet": (16, (3, 64, 64), ["model=segmentation", "model/net=unet_small"]),
    "volume": (32, (1, 16, 16, 16), ["model/net=cnn_small"]),
    "unet_3d": (2, (1, 32, 32, 32), ["model=segmentation", "model/net=unet_3d_small"]),
    "signal": (32, (1, 512), ["model/net=fcn_1d"]),
}


@dataclass(frozen=True)
class Setting:
    """One way to take the same steps."""

    precision: str = "32-true"
    matmul: str = "highest"
    memory_format: str = "contiguous"
    threads: int | None = None
    optimizer: str = "adamw"
    kernel: str | None = None

    def __str__(self) -> str:
        words = [
            self.precision,
            *({self.matmul} - {"highest"}),
            *({self.memory_format} - {"contiguous"}),
        ]
        if self.kernel is not None:
            words = [self.optimizer, self.kernel]
        return ", ".join([*words, *([] if self.threads is None else [f"{self.threads} threads"])])


PRECISIONS = (
    ("32-true", "highest"),
    ("32-true", "medium"),
    ("bf16-mixed", "highest"),
    ("bf16-true", "highest"),
)
QUESTIONS: dict[str, list[Setting]] = {
    "precision": [
        Setting(precision, matmul, layout)
        for layout in ("contiguous", "channels_last")
        for precision, matmul in (
            ("32-true", "highest"),
            ("32-true", "medium"),
            ("bf16-mixed", "highest"),
            ("bf16-true", "highest"),
        )
    ],
    "threads": [Setting(threads=threads) for threads in (1, 2, 4)],
    "optimizer": [
        Setting(optimizer=optimizer, kernel=kernel)
        for optimizer in ("adamw", "adam", "sgd")
        for kernel in ("as it comes", "foreach", "fused")
    ],
}


def batch_of(case: str, classes: int) -> tuple[Tensor, Tensor]:
    """Return a batch of noise with random labels."""
    size, shape, overrides = CASES[case]
    labels = (size, *shape[1:]) if "model=segmentation" in overrides else (size,)
    return torch.randint(0, 256, (size, *shape), dtype=torch.uint8), torch.randint(
        0, classes, labels
    )


def build_model(case: str, setting: Setting, classes: int) -> Any:
    """Return the model of a case as train.py builds it, without data."""
    from hydra import compose, initialize_config_dir
    from hydra.utils import instantiate

    from convsweep.data.samples import DataInfo
    from convsweep.training import build

    _, shape, overrides = CASES[case]
    overrides = [
        *overrides,
        f"optimizer={setting.optimizer}",
        f"model.memory_format={setting.memory_format}",
    ]
    if setting.kernel in ("foreach", "fused"):
        overrides += [f"+optimizer.{setting.kernel}=true"]
    with initialize_config_dir(CONF, version_base="1.3"):
        cfg = compose("config", overrides=[*overrides, "data=arrays", "data.path=none"])
    task = "segmentation" if "model=segmentation" in overrides else "classification"
    info = DataInfo(shape, classes, tuple(str(number) for number in range(classes)), task, None)
    build.fill_shape(cfg, info)
    torch.manual_seed(0)
    channels = torch.ones(shape[0])
    model = instantiate(build.without_net(cfg.model), _partial_=True)(
        net=build.build_net(cfg),
        info=info,
        mean=127 * channels,
        std=74 * channels,
        class_counts=torch.ones(classes),
        optimizer=build.build_optimizer(cfg)[0],
    )
    return model.train()


def step_of(case: str, setting: Setting) -> Callable[[], None]:
    """Return the function of one training step."""
    classes = 3 if "model=segmentation" in CASES[case][2] else 10
    model = build_model(case, setting, classes)
    model.lay_out(torch.device("cpu"))
    if setting.precision == "bf16-true":
        model.to(torch.bfloat16)
    optimizer = model.make_optimizer(model.parameter_groups())
    x, y = batch_of(case, classes)
    mixed: Callable[[], AbstractContextManager[Any]] = (
        partial(torch.autocast, "cpu", dtype=torch.bfloat16)
        if setting.precision == "bf16-mixed"
        else nullcontext
    )

    def step() -> None:
        torch.set_float32_matmul_precision(setting.matmul)
        if setting.kernel is None:
            optimizer.zero_grad()
            with mixed():
                loss = model.loss(model(x), y)
            loss.backward()
        optimizer.step()

    if setting.kernel is not None:
        model.loss(model(x), y).backward()
    return step


def time_steps(step: Callable[[], None], count: int, threads: int | None) -> Cost:
    """Return wall and CPU milliseconds of a step."""
    if threads is not None:
        torch.set_num_threads(threads)
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(count):
        step()
    return 1e3 * (time.perf_counter() - wall) / count, 1e3 * (time.process_time() - cpu) / count


def compare(case: str, settings: list[Setting], rounds: int, seconds: float) -> None:
    """Print a line for each setting."""
    steps = [step_of(case, setting) for setting in settings]
    counts = []
    for step, setting in zip(steps, settings, strict=True):
        time_steps(step, 2, setting.threads)
        counts.append(max(2, round(1e3 * seconds / time_steps(step, 2, setting.threads)[0])))
    costs: list[list[Cost]] = [
        [
            time_steps(*each, setting.threads)
            for *each, setting in zip(steps, counts, settings, strict=True)
        ]
        for _ in range(rounds)
    ]
    print(
        f"\n{case}, {rounds} rounds, by default {torch.get_num_threads()} threads\n",
        flush=True,
    )
    print("| setting | wall ms | ratio | CPU ms | ratio |\n|---|---|---|---|---|")
    for number, setting in enumerate(settings):
        cells = []
        for which in (0, 1):
            values = [row[number][which] for row in costs]
            ratios = [row[number][which] / row[0][which] for row in costs]
            cells += [
                f"{middle(values)[0]:.2f}",
                "{:.2f} ({:.2f} to {:.2f})".format(*middle(ratios)),
            ]
        print(f"| {setting} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("question", choices=QUESTIONS)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.5)
    given = parser.parse_args()
    from convsweep.training.threads import keep_freed_memory

    keep_freed_memory()
    for case in given.cases:
        compare(case, QUESTIONS[given.question], given.rounds, given.seconds)


if __name__ == "__main__":
    main()
