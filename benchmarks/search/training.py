"""Train one network of a task, with the program's own network, budget, optimiser, schedule, loss
and augmentation.

A training of the table has to cost about two seconds, so that thousands fit into some hours of one
core. A trial of a sweep takes about 0.6 s on top for composing, logging and checkpoints
(docs/speed.md), so the loop here is a bare one; what it runs is the program's.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from benchmarks.search.samples import Data, Split
from benchmarks.search.tasks import NUM_CLASSES, Task
from torch import Tensor, nn

from convsweep.cost import operations
from convsweep.cost.budget import Budget
from convsweep.cost.measure import measure
from convsweep.data.augment.batch import Warp
from convsweep.data.augment.mixing import Mixing
from convsweep.errors import InfeasibleError
from convsweep.losses.cross_entropy import CrossEntropy
from convsweep.models.fine_tuning import decay_groups
from convsweep.models.fused import build_optimizer
from convsweep.models.memory_format import lay_out
from convsweep.models.schedules import cosine
from convsweep.nets import ConvNet
from convsweep.tasks.classification import ClassificationTask

NET = "model.net."
EVAL_BATCH = 500


@dataclass
class Curve:
    """One training: a value an epoch.

    Attributes:
        val, test: Accuracy.
        val_loss: Cross-entropy of the validation samples.
        seconds: CPU time of the epoch, its evaluations included.
        diverged: Whether the training ended by a loss that is not finite.
    """

    val: list[float] = field(default_factory=list)
    test: list[float] = field(default_factory=list)
    val_loss: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    diverged: bool = False


def build_net(task: Task, options: Mapping[str, Any]) -> nn.Module:
    """Return the network of a point.

    Raises:
        InfeasibleError: it does not fit its input.
    """
    chosen = {key.removeprefix(NET): value for key, value in options.items() if key.startswith(NET)}
    return ConvNet(task.in_shape, NUM_CLASSES, **chosen)


def cost_of(task: Task, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters and multiply-accumulates of a network, and its excess: the largest relative
    amount by which it exceeds a limit of the budget, at most 0 if it is within all.

    A network that cannot be built has none of them but a `reason`.
    """
    try:
        with torch.device("meta"), operations.shortcut_operations():
            net = build_net(task, options)
        cost = measure(net, task.in_shape)
    except InfeasibleError as error:
        return {"reason": str(error)}
    counts = {"max_params": cost.params, "max_macs": cost.macs}
    excess = max(counts[name] / limit - 1 for name, limit in task.budget.items())
    row = {"params": cost.params, "macs": cost.macs, "excess": round(excess, 4)}
    try:
        Budget(**task.budget).check(cost)
    except InfeasibleError as error:
        return row | {"reason": str(error)}
    return row


class Training:
    """A training that goes on epoch by epoch.

    Args:
        task: The task.
        data: Its samples.
        options: A point, by `options_of`.
        seed: Of weights, batches and augmentation.

    Attributes:
        done: Epochs trained.
    """

    def __init__(self, task: Task, data: Data, options: Mapping[str, Any], seed: int) -> None:
        torch.manual_seed(seed)
        self.data, self.seed, self.done = data, seed, 0
        self.net = build_net(task, options)
        self.layout = lay_out(self.net, "auto", task.in_shape, torch.device("cpu"))
        self.batch_size = int(options["data.batch_size"])
        groups = decay_groups(list(self.net.parameters()), decay_norm_and_bias=False)
        self.optimizer = build_optimizer(make_optimizer(options), groups)
        steps = -(-len(data.train.y) // self.batch_size) * task.max_epochs
        self.schedule = cosine(self.optimizer, steps, warmup=options["scheduler.warmup"])
        self.loss_of = CrossEntropy(options["model.label_smoothing"])
        self.augment = Augment(options)

    def run_epoch(self) -> bool:
        """Train for one epoch and return whether the loss is still finite."""
        self.net.train()
        total = torch.zeros(())
        train, order = self.data.train, torch.randperm(len(self.data.train.y))
        for number, indices in enumerate(order.split(self.batch_size)):
            if len(indices) == 1:  # batch norm needs two samples
                continue
            place = (self.seed, self.done, number)
            x, y = self.augment(train.x[indices], train.y[indices], place)
            loss = self.loss_of(self.net(x.contiguous(memory_format=self.layout)), y)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.schedule.step()
            total += loss.detach()
        self.done += 1
        return bool(total.isfinite())

    def evaluate(self, split: Split) -> tuple[float, float]:
        """Return accuracy and cross-entropy of a part of the data."""
        return evaluate(self.net, split, self.layout)

    def state(self) -> dict[str, Any]:
        """Return what `resume` needs."""
        return {
            "done": self.done,
            "net": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "random": torch.get_rng_state(),
        }

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from the state of another training of the same point."""
        self.done = state["done"]
        self.net.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        torch.set_rng_state(state["random"])


def train(task: Task, data: Data, options: Mapping[str, Any], seed: int) -> Curve:
    """Return the curve of a full training."""
    training = Training(task, data, options, seed)
    curve = Curve()
    while training.done < task.max_epochs:
        begin = time.process_time()
        if not training.run_epoch():
            curve.diverged = True
            break
        val, val_loss = training.evaluate(data.val)
        test, _ = training.evaluate(data.test)
        curve.val.append(val)
        curve.val_loss.append(val_loss)
        curve.test.append(test)
        curve.seconds.append(round(time.process_time() - begin, 4))
    return curve


def make_optimizer(options: Mapping[str, Any]) -> Any:
    """Return the constructor of the optimiser: AdamW, or SGD with Nesterov momentum."""
    shared = {"lr": options["optimizer.lr"], "weight_decay": options["optimizer.weight_decay"]}
    if options.get("optimizer") == "sgd":
        return partial(torch.optim.SGD, momentum=0.9, nesterov=True, **shared)
    return partial(torch.optim.AdamW, **shared)


class Augment:
    """Random shifts of images, and mixup, as far as a point has them."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        shift = float(options.get("$shift", 0.0))
        self.warp = Warp((0.0, 0.0), (shift, shift), (1.0, 1.0), bilinear=True) if shift else None
        alpha = float(options.get("data.mixup_alpha", 0.0))
        self.mixing = (
            Mixing(
                ClassificationTask(),
                NUM_CLASSES,
                alpha,
                probability=options["data.mix_probability"],
            )
            if alpha
            else None
        )

    def __call__(self, x: Tensor, y: Tensor, seed: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """Return the batch augmented."""
        if self.warp is not None:
            drawn = self.warp.draw(len(x), tuple(x.shape[2:]), torch.default_generator)
            x = self.warp.apply(x, drawn, float(x.min()), nearest=False)
        return (x, y) if self.mixing is None else self.mixing(x, y, seed)


@torch.inference_mode()
def evaluate(net: nn.Module, split: Split, layout: torch.memory_format) -> tuple[float, float]:
    """Return accuracy and cross-entropy of a part of the data."""
    net.eval()
    logits = torch.cat([net(x.contiguous(memory_format=layout)) for x in split.x.split(EVAL_BATCH)])
    loss = nn.functional.cross_entropy(logits, split.y)
    accuracy = (logits.argmax(1) == split.y).float().mean()
    return round(float(accuracy), 4), round(float(loss), 4)
