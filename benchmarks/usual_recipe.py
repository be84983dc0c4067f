"""The recipe of most Lightning projects, for comparison: per-sample transforms, worker processes,
metrics, progress bar and logging at every step.
"""

import tempfile
from typing import TYPE_CHECKING, Any

import lightning as L
import torch
from lightning.pytorch.callbacks import LearningRateMonitor, ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import WandbLogger
from torch.utils.data import DataLoader, Dataset
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy
from torchvision.transforms import v2

if TYPE_CHECKING:
    from clock import Clock


class Pictures(Dataset[Any]):
    """A data set that transforms one sample at a time."""

    def __init__(self, part: Any, transform: Any) -> None:
        self.x, self.y, self.transform = part.x, part.y, transform

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, index: int) -> Any:
        return (
            self.transform(torch.from_numpy(self.x[index])),
            torch.as_tensor(self.y[index]).long(),
        )


class Usual(L.LightningModule):
    """A module that updates and logs loss and accuracy at every step."""

    def __init__(self, model: Any, cfg: Any, clock: "Clock") -> None:
        super().__init__()
        self.model, self.cfg, self.clock = model, cfg, clock
        classes = model.info.num_classes
        self.train_loss, self.val_loss = MeanMetric(), MeanMetric()
        self.train_acc, self.val_acc = (
            MulticlassAccuracy(classes, average="micro"),
            MulticlassAccuracy(classes, average="micro"),
        )

    def step(self, batch: Any, part: str, loss_metric: Any, acc: Any) -> Any:
        x, y = batch
        logits = self.model.net(x)
        loss = self.model.loss(logits, y)
        loss_metric(loss)
        acc(logits.argmax(1), y)
        self.log(f"{part}/loss", loss_metric, on_step=False, on_epoch=True, prog_bar=True)
        self.log(f"{part}/acc", acc, on_step=False, on_epoch=True, prog_bar=True)
        return loss

    def training_step(self, batch: Any, index: int) -> Any:
        return self.step(batch, "train", self.train_loss, self.train_acc)

    def validation_step(self, batch: Any, index: int) -> None:
        self.step(batch, "val", self.val_loss, self.val_acc)

    def on_train_epoch_start(self) -> None:
        if self.current_epoch > 0:
            self.clock.mark()

    def configure_optimizers(self) -> Any:
        optimizer = self.model.make_optimizer(self.model.parameter_groups())
        if self.model.schedule is None:
            return optimizer
        schedule = self.model.schedule(optimizer, int(self.trainer.estimated_stepping_batches))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def train(cfg: Any, data: Any, model: Any, clock: "Clock") -> None:
    """Train and print the figures."""
    mean, std = (torch.as_tensor(values).tolist() for values in (data.mean / 255, data.std / 255))
    transform = v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)])
    if len(data.info.spatial_shape) != 2:
        transform = v2.ToDtype(torch.float32, scale=True)
    batch = int(cfg.data.batch_size)
    options: dict[str, Any] = {"batch_size": batch, "num_workers": 2, "persistent_workers": True}
    # required in the processes of joblib, in which the official sweeper trains
    options["multiprocessing_context"] = "fork"
    train_loader = DataLoader(
        Pictures(data.train, transform), shuffle=True, drop_last=True, **options
    )
    val_loader = DataLoader(Pictures(data.val, transform), **options)
    usual = Usual(model, cfg, clock)
    with tempfile.TemporaryDirectory() as folder:
        callbacks = [
            ModelCheckpoint(folder, monitor="val/acc", mode="max", save_last=True),
            RichProgressBar(),
            LearningRateMonitor(),
        ]
        logger = WandbLogger(save_dir=folder, offline=True)
        trainer = L.Trainer(
            max_epochs=cfg.trainer.max_epochs,
            accelerator="cpu",
            callbacks=callbacks,
            logger=logger,
            log_every_n_steps=1,
        )
        trainer.fit(usual, train_loader, val_loader)
        clock.mark()
        clock.report(len(train_loader), batch, float(trainer.callback_metrics["val/acc"]))
