"""Checkpoints of untrained networks, whose answers are as good as any to compare; and commands run
in this process.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir

from convsweep.cli import commands
from convsweep.cli.hydra_version import main_options
from convsweep.training import build

CONF = Path(__file__).parents[1] / "conf"
SMALL = ["model.net.width=4", "model.net.num_blocks=1"]
SMALL_UNET = ["model=segmentation", "model.net.depth=2", "model.net.width=4"]
SCENES = [
    *SMALL_UNET,
    "data=scenes",
    "data.image_size=32",
    "data.num_train=8",
    "data.num_val=2",
    "data.num_test=4",
]


def write_checkpoint(path: Path, *overrides: str) -> Path:
    """Write the checkpoint of the network that a config describes, as it is before training, and
    return its path.
    """
    torch.manual_seed(0)
    with initialize_config_dir(**main_options(), config_dir=str(CONF)):
        cfg = compose("config", list(overrides))
    data = build.build_data(cfg)
    data.setup()
    model = build.build_model(cfg, data)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"state_dict": model.state_dict(), build.CARD: model.metadata}, path)
    return path


def arrays_checkpoint(
    path: Path, shape: tuple[int, ...], *overrides: str, masks: bool = False
) -> Path:
    """Write the checkpoint of a network for arrays of a shape (C, *spatial), three classes, beside
    the arrays themselves.
    """
    rng = np.random.default_rng(0)
    x = rng.normal(5, 2, (12, *shape)).astype(np.float32)
    y = rng.integers(0, 3, (12, *shape[1:])) if masks else np.arange(12) % 3
    np.savez(path.with_suffix(".npz"), x=x, y=y.astype(np.int64))
    task = [*SMALL_UNET, "data.task=segmentation", "data.num_classes=3"] if masks else SMALL
    return write_checkpoint(
        path, "data=arrays", f"data.path={path.with_suffix('.npz')}", *task, *overrides
    )


def columns_checkpoint(path: Path, task: str, *overrides: str) -> Path:
    """Write the checkpoint of a network for two numbers or labels a sample, beside the arrays."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(50, 20, (12, 2)).astype(np.float32)
    y = numbers if task == "regression" else (numbers > 50).astype(np.float32)
    np.savez(path.with_suffix(".npz"), x=rng.normal(5, 2, (12, 1, 8, 8)).astype(np.float32), y=y)
    return write_checkpoint(
        path,
        f"model={task}",
        "data=arrays",
        f"data.task={task}",
        f"data.path={path.with_suffix('.npz')}",
        *SMALL,
        *overrides,
    )


def command_fixture(main: Callable[[list[str]], int]) -> Any:
    """Return the fixture `run`: a command's main function, called in an empty folder."""

    @pytest.fixture
    def run(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> Command:
        monkeypatch.chdir(tmp_path)
        monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
        return Command(main, capsys)

    return run


class Command:
    """Runs a command's main function and keeps what it said."""

    def __init__(
        self, main: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.main, self.capsys = main, capsys

    def __call__(self, *arguments: object) -> int:
        """Return the exit code."""
        with pytest.raises(SystemExit) as end:
            commands.run(lambda: self.main([str(argument) for argument in arguments]))
        said = self.capsys.readouterr()
        self.out, self.err = said.out, said.err
        sys.stdout.flush()
        return int(end.value.code or 0)
