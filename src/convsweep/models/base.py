"""The abstract LightningModule: normalisation, forward, loss, metrics once an epoch, optimiser and
schedule.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics import MetricCollection

from convsweep.data.samples import DataInfo
from convsweep.errors import DivergedError, UserError
from convsweep.losses.class_loss import ClassLoss
from convsweep.losses.deep_supervision import deep_loss
from convsweep.metrics.running_mean import RunningMean, not_finite
from convsweep.models.accelerated import Accelerated
from convsweep.models.acceleration import Compile, Recompute
from convsweep.models.distillation import Teacher
from convsweep.models.fine_tuning import (
    Frozen,
    check_lr_decay,
    decay_groups,
    frozen_parts,
    groups_by_depth,
)
from convsweep.models.memory_format import MemoryFormat
from convsweep.models.normalize import Normalize, NormalizeBy
from convsweep.models.schedules import Schedule, lightning_schedule
from convsweep.nets.unet import UNet
from convsweep.task import Task

Batch = tuple[Tensor, Tensor]

OPTIMIZER = partial(torch.optim.AdamW, lr=1e-3)


class Model(Accelerated, ABC):
    """Base of the LightningModules of all tasks.

    Args:
        net: any module from (N, C, *spatial) to logits.
        info: description of the data set.
        mean, std: (C,) of the training split, in the units of x.
        class_counts: (num_classes,) samples or positions of each class in the training split.
        target_mean, target_std: (num_classes,) of the training split, if targets are numbers; None
            otherwise, and if weights of a checkpoint follow.
        optimizer: returns an optimiser of parameter groups.
        schedule: returns a learning rate schedule for an optimiser and number of steps; None:
            constant.
        decay_norm_and_bias: apply weight decay to biases and normalisation layers too, not only to
            weights of two or more axes.
        normalize_by: normalise by mean and standard deviation of the training split, or of each
            sample.
        memory_format, compile, recompute: see `Accelerated`.
        frozen: parts of the network that do not train: `none`, `body` (all but the last), or a
            number of them from the input on; their normalisation layers keep their statistics.
        frozen_epochs: train them after so many epochs; None: never.
        lr_decay: learning rate of each part, as a factor of that of the part after it.
        loss: replaces the task's loss: a `ClassLoss`, or a module from outputs and targets of a
            batch to their mean loss.
        monitor, monitor_mode: the metric that selects the best epoch, and `max` or `min`.
        metadata: stored in checkpoints, in plain types.
    """

    # The task, set by subclasses.
    task: ClassVar[Task]

    # Name of the output in predictions and exports.
    answer_name: ClassVar[str] = "probs"

    def __init__(
        self,
        net: nn.Module,
        info: DataInfo,
        mean: Tensor,
        std: Tensor,
        class_counts: Tensor,
        target_mean: Tensor | None = None,
        target_std: Tensor | None = None,
        optimizer: Callable[..., Optimizer] = OPTIMIZER,
        schedule: Schedule | None = None,
        decay_norm_and_bias: bool = False,
        normalize_by: NormalizeBy = "training_split",
        memory_format: MemoryFormat = "auto",
        compile: Compile = "none",
        recompute: Recompute = "none",
        frozen: Frozen = "none",
        frozen_epochs: int | None = None,
        lr_decay: float = 1.0,
        loss: nn.Module | None = None,
        monitor: str = "val/loss",
        monitor_mode: Literal["max", "min"] = "min",
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(net, info.in_shape, memory_format, compile, recompute)
        self.info = info
        self.given_loss = loss
        self.normalize = Normalize(mean, std, normalize_by)
        self.class_counts = class_counts
        self.target_mean, self.target_std = target_mean, target_std
        self.make_optimizer, self.schedule = optimizer, schedule
        self.decay_norm_and_bias = decay_norm_and_bias
        check_lr_decay(lr_decay)
        self.lr_decay, self.frozen_epochs = lr_decay, frozen_epochs
        # a tuple, since a module of the model would be in the checkpoint a second time
        self.frozen = tuple(frozen_parts(net, frozen))
        if frozen_epochs is None:
            for part in self.frozen:
                part.requires_grad_(False)
        self.monitor, self.monitor_mode, self.metadata = monitor, monitor_mode, dict(metadata or {})
        # no module, so that it is not in the checkpoint
        self.teacher: Teacher | None = None
        self.losses = {"train": RunningMean(), "val": RunningMean(), "test": RunningMean()}
        metrics = self.make_metrics()
        self.val_metrics, self.test_metrics = (
            metrics.clone(prefix="val/"),
            metrics.clone(prefix="test/"),
        )

    @abstractmethod
    def make_metrics(self) -> MetricCollection:
        """Return the validation and test metrics, named without a prefix."""

    @abstractmethod
    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        """Return the mean loss of a batch: the task's own or, in tasks of classes, a `ClassLoss` of
        the config.
        """

    def batch_loss(self, logits: Tensor, y: Tensor) -> Tensor:
        """Return the mean loss of a batch, by the configured loss if there is one."""
        if self.given_loss is None or isinstance(self.given_loss, ClassLoss):
            return self.loss(logits, y)
        loss: Tensor = self.given_loss(logits, y)
        return loss

    def counted_positions(self, logits: Tensor, y: Tensor) -> Tensor | None:
        """Return whether each position (N, *) of the logits counts; None: all do."""
        return None

    def learn_from(self, teacher: Teacher) -> None:
        """Learn from the outputs of a trained model in addition to the labels."""
        teacher.meet(self)
        self.teacher = teacher

    def on_fit_start(self) -> None:
        super().on_fit_start()
        if self.teacher is not None:
            self.teacher.move(self.trainer.strategy.root_device)

    def outputs(self, x: Tensor) -> Sequence[Tensor]:
        """Return the logits of a batch and, in training under deep supervision, those of lower
        levels.
        """
        out: Tensor = self(x)
        if not isinstance(self.net, UNet) or self.net.num_outputs == 1:
            return [out]
        return out.chunk(self.net.num_outputs, dim=1)

    @abstractmethod
    def score(self, metrics: MetricCollection, logits: Tensor, batch: Batch) -> None:
        """Update the metrics with a batch."""

    def score_names(self) -> Sequence[str]:
        """Return the names of the metrics' values, without a prefix."""
        return [str(name) for name in self.val_metrics.keys(keep_base=True)]

    def metric_names(self) -> list[str]:
        """Return the names of all logged metrics, which can be monitored."""
        return ["train/loss", "val/loss", *(f"val/{name}" for name in self.score_names())]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["convsweep"] = self.metadata

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of a batch (N, C, *spatial), not normalised."""
        return self.run(self.normalize(x))

    @torch.no_grad()
    def predict_batch(self, x: Tensor) -> dict[str, Tensor]:
        """Return the output for a batch (N, C, *), not normalised, as {`answer_name`: output}.

        Raises:
            UserError: the batch has the wrong number of axes or channels.
        """
        channels, dim = self.info.in_channels, len(self.info.in_shape)
        if not isinstance(x, Tensor) or x.dim() != dim + 1 or x.shape[1] != channels:
            shape = f" of shape {tuple(x.shape)}" if hasattr(x, "shape") else ""
            raise UserError(
                f"samples must be a tensor (N, {channels}{', *' * (dim - 1)}), but are"
                f" {type(x).__name__}{shape}; put the channels after the batch axis, and use"
                " torch.from_numpy for arrays"
            )
        return {self.answer_name: self.answer(self(x))}

    def answer(self, logits: Tensor) -> Tensor:
        """Return the prediction of logits (N, num_classes, *): probabilities of the same shape."""
        return logits.softmax(dim=1)

    def logits_for(self, answer: Tensor) -> Tensor:
        """Return logits whose `answer` is the given one, which an ensemble has averaged: the
        logarithm of probabilities.
        """
        return answer.clamp_min(torch.finfo(answer.dtype).tiny).log()

    def average_thresholds(self, others: Sequence["Model"]) -> None:
        """Set what decides between answers, such as thresholds, to the mean over the models of an
        ensemble.
        """

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        x, y = batch
        logits, *lower = self.outputs(x)
        loss = deep_loss([self.batch_loss(output, y) for output in (logits, *lower)])
        if self.teacher is not None:
            loss = self.teacher.add_to(loss, x, logits, self.counted_positions(logits, y))
        self.losses["train"].add(loss, len(x))
        return (
            self.scale_over_devices(loss, len(x))
            if self.trainer.world_size > 1 and self.trainer.is_last_batch
            else loss
        )

    def scale_over_devices(self, loss: Tensor, size: int) -> Tensor:
        """Return the loss of a device scaled so that the mean over devices is the mean over
        samples, as last batches differ in size.
        """
        return loss * (
            size * self.trainer.world_size / self.over_devices(torch.full_like(loss.detach(), size))
        )

    def over_devices(self, value: Tensor) -> Tensor:
        """Return the sum of a tensor over all devices."""
        total = self.trainer.strategy.reduce(value, reduce_op="sum")
        assert isinstance(total, Tensor)
        return total

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_index: int) -> None:
        if not self.trainer.is_last_batch:
            return
        loss = self.losses["train"].compute(
            self.over_devices
        )  # summed over devices, so that NaN on one stops all
        if not_finite(loss):
            raise DivergedError(
                f"the training loss must stay finite, but is {float(loss)} in epoch"
                f" {self.current_epoch + 1}; use a smaller optimizer.lr, a warm-up"
                " (scheduler=cosine), or trainer.gradient_clip_val=1"
            )
        self.log("train/loss", loss, on_step=False, on_epoch=True)

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        self.evaluate(batch, "val", self.val_metrics)

    def test_step(self, batch: Batch, batch_index: int) -> None:
        self.evaluate(batch, "test", self.test_metrics)

    def on_validation_epoch_end(self) -> None:
        self.log_evaluation("val", self.val_metrics)

    def on_test_epoch_end(self) -> None:
        self.log_evaluation("test", self.test_metrics)

    def evaluate(self, batch: Batch, split: str, metrics: MetricCollection) -> None:
        """Update a split's loss and metrics."""
        x, y = batch
        logits = self(x)
        self.losses[split].add(self.batch_loss(logits, y), len(x))
        self.score(metrics, logits, batch)

    def log_evaluation(self, split: str, metrics: MetricCollection) -> None:
        """Log a split's loss and metrics once, over all batches and devices."""
        self.log(f"{split}/loss", self.losses[split].compute(self.over_devices), sync_dist=True)
        self.log_dict(metrics.compute(), prog_bar=False)
        metrics.reset()

    @property
    def is_frozen(self) -> bool:
        """Whether the frozen parts do not train in this epoch."""
        return self.frozen_epochs is None or self.current_epoch < self.frozen_epochs

    def on_train_epoch_start(self) -> None:
        for part in self.frozen:
            part.train(not self.is_frozen)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        # gradients are computed and dropped, as DDP cannot add parameters to a running training
        if self.is_frozen:
            for part in self.frozen:
                part.zero_grad(set_to_none=True)

    def configure_optimizers(self) -> Any:
        optimizer = self.build_optimizer(self.make_optimizer, self.parameter_groups())
        for group in optimizer.param_groups:
            group["lr"] *= group.get("lr_factor", 1.0)
        if self.schedule is None:
            return optimizer
        return lightning_schedule(optimizer, self.schedule, self.trainer, self.monitor)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return the parameters in groups with and without weight decay, for each part of the
        network if their learning rates differ.
        """
        if self.lr_decay == 1:
            return decay_groups(list(self.net.parameters()), self.decay_norm_and_bias)
        return [
            group
            for factor, parameters in groups_by_depth(self.net, self.lr_decay)
            for group in decay_groups(parameters, self.decay_norm_and_bias, lr_factor=factor)
        ]
