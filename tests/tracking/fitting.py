"""A training small enough to run in every test of tracking."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from omegaconf import OmegaConf
from torch.nn import Linear
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from convsweep.tracking import Tracker, open_tracker
from convsweep.tracking.best_scores import BestScores

Batch = list[torch.Tensor]
LOGGER = Path(__file__).parents[2] / "conf/logger/wandb.yaml"
CONFIG = {"model": {"_target_": "a.Model", "net": {"depth": 3}}, "data": {"batch_size": 20}}


def track(folder: Path, resume_from: Path | None = None, **overrides: object) -> Tracker:
    """Open the default logger with some of its options changed."""
    config = OmegaConf.to_container(
        OmegaConf.merge(OmegaConf.load(LOGGER), overrides), resolve=True
    )
    assert isinstance(config, dict)
    return open_tracker(
        config, folder, run_config=CONFIG, tags=["lenet5", "digits"], resume_from=resume_from
    )


class TinyModel(LightningModule):
    """One linear layer on four features; `fail_at` is the epoch in which it raises `problem`."""

    def __init__(self, fail_at: int | None = None, problem: BaseException | None = None) -> None:
        super().__init__()
        self.net = Linear(4, 3)
        self.fail_at, self.problem = fail_at, problem

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.net(x.flatten(1))
        return logits

    def predict_batch(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"probs": self(x).softmax(1)}

    def training_step(self, batch: Batch, batch_index: int) -> torch.Tensor:
        if self.problem is not None and self.current_epoch == self.fail_at:
            raise self.problem
        loss = cross_entropy(self(batch[0]), batch[1])
        self.log("train/loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        self.log("val/loss", cross_entropy(self(batch[0]), batch[1]))

    def test_step(self, batch: Batch, batch_index: int) -> None:
        self.log("test/loss", cross_entropy(self(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def tiny_loader(*shape: int) -> DataLoader[tuple[torch.Tensor, ...]]:
    """Return 60 samples in 3 batches."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(60, *(shape or (4,)), generator=generator)
    return DataLoader(TensorDataset(x, x.flatten(1)[:, :3].argmax(1)), batch_size=20)


def tiny_trainer(
    tracker: Tracker,
    max_epochs: int = 2,
    monitor: str = "val/loss",
    callbacks: Sequence[Callback] = (),
    **options: Any,
) -> Trainer:
    """Return a quiet CPU trainer that logs through `tracker`; the best epoch is that of the lowest
    `monitor`.
    """
    quiet = {
        "devices": 1,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "enable_checkpointing": False,
    }
    return Trainer(
        accelerator="cpu",
        max_epochs=max_epochs,
        callbacks=[BestScores(monitor, "min"), *tracker.callbacks, *callbacks],
        logger=tracker.loggers,
        default_root_dir=str(tracker.folder),
        log_every_n_steps=2,
        **quiet | options,
    )


def fit(
    tracker: Tracker,
    model: TinyModel | None = None,
    max_epochs: int = 2,
    test: bool = False,
    **options: Any,
) -> Trainer:
    """Train, validate and, if asked for, test."""
    ckpt_path: Path | None = options.pop("ckpt_path", None)
    model, loader = model or TinyModel(), tiny_loader(*options.pop("shape", ()))
    trainer = tiny_trainer(tracker, max_epochs, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.fit(model, loader, loader, ckpt_path=ckpt_path)
        if test:
            trainer.test(model, loader, verbose=False)
    return trainer
