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


def train(task: Task, data: Data, options: Mapping[str, Any], seed: int) -> Curve:
    """Return the curve of a full training."""
    torch.manual_seed(seed)
    net = build_net(task, options)
    layout = lay_out(net, "auto", task.in_shape, torch.device("cpu"))
    batch_size = int(options["data.batch_size"])
    steps = -(-len(data.train.y) // batch_size)
    groups = decay_groups(list(net.parameters()), decay_norm_and_bias=False)
    optimizer = build_optimizer(make_optimizer(options), groups)
    schedule = cosine(optimizer, steps * task.max_epochs, warmup=options["scheduler.warmup"])
    loss_of = CrossEntropy(options["model.label_smoothing"])
    augment = Augment(options)
    curve = Curve()
    for epoch in range(task.max_epochs):
        begin = time.process_time()
        net.train()
        total = torch.zeros(())
        for number, indices in enumerate(torch.randperm(len(data.train.y)).split(batch_size)):
            if len(indices) == 1:  # batch norm needs two samples
                continue
            x, y = augment(data.train.x[indices], data.train.y[indices], (seed, epoch, number))
            loss = loss_of(net(x.contiguous(memory_format=layout)), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.detach()
        if not total.isfinite():
            curve.diverged = True
            break
        val, val_loss = evaluate(net, data.val, layout)
        test, _ = evaluate(net, data.test, layout)
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
