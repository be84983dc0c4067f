"""Feasibility and cost of a composed config's network, checked on the meta device before
training.
"""

import re
import warnings
from dataclasses import fields
from typing import Any

import torch
from omegaconf import DictConfig, MissingMandatoryValue, OmegaConf
from torch import nn

from convsweep.cost import Budget, Cost, UntraceableError, measure, operations, summary
from convsweep.cost.last_cost import remember
from convsweep.cost.measure import output_shape
from convsweep.data.augment.resizing import growth_of
from convsweep.errors import META_DEVICE, InfeasibleError, UserError, did_you_mean
from convsweep.nets.geometry import shape_text
from convsweep.training import build
from convsweep.training.early_checks import check_no_key_is_missing

# Values an optimiser keeps for every weight, without those its options add; 2 (as Adam) if it is
# not listed.
STATES = {"SGD": 0, "Adagrad": 1, "RMSprop": 1, "Rprop": 2, "Lion": 1, "Muon": 1, "Adafactor": 0}

# torch keeps 8 compiled versions of a function: these, and those of training and evaluation at full
# size.
COMPILED_SIZES = 6


def check(cfg: DictConfig) -> dict[str, Any]:
    """Return the cost of a composed config's network, if it can be trained within the budget.

    `cfg.shape` is filled from the data's description unless it is filled already; no sample is
    read.

    Raises:
        InfeasibleError: the network cannot be built or run on the input, does not suit the task, or
            exceeds the budget.
        UserError: the data is not there, an option is wrong.
    """
    fill_shape(cfg)
    net = build_on_meta(cfg)
    check_params(cfg, net)
    try:
        cost = measure(net, tuple(cfg.shape.in_shape))
    except UntraceableError as error:
        return count_parameters(cfg, net, error)
    remember(OmegaConf.to_container(cfg.model.net, resolve=True), cost)
    judge(cfg, cost)
    check_smaller_sizes(cfg, net)
    return cost_record(cost, int(cfg.shape.num_classes), step_memory(cfg, cost))


def check_params(cfg: DictConfig, net: nn.Module) -> None:
    """Check `budget.max_params` by counting parameters.

    Raises:
        InfeasibleError: the network has more.
    """
    budget = budget_of(cfg)
    budget.check_count("max_params", budget.max_params, num_params(net), "parameters")


def budget_of(cfg: DictConfig) -> Budget:
    """Return the limits of a composed config.

    Raises:
        UserError: there is no such limit.
    """
    limits = [each.name for each in fields(Budget)]
    for name in cfg.budget:
        if name not in limits:
            raise UserError(f"budget has no limit {name!r}; {did_you_mean(str(name), limits)}")
    return Budget(**cfg.budget)


def num_params(net: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(param.numel() for param in net.parameters())


def judge(cfg: DictConfig, cost: Cost) -> None:
    """Check a network's output shape and cost against task and budget of a composed config.

    Raises:
        InfeasibleError: it does not suit the task, or exceeds the budget.
    """
    task = build.task_of(cfg)
    if task is not None:
        task.check_output(cost.out_shape, cost.in_shape, int(cfg.shape.num_classes))
    budget_of(cfg).check(cost, batch_size(cfg), optimizer_states(cfg.optimizer))


def check_smaller_sizes(cfg: DictConfig, net: nn.Module) -> None:
    """Check that a network can be trained on all sizes of samples that grow.

    Raises:
        InfeasibleError: it cannot be run on one, or does not suit the task there.
        UserError: samples shall grow, but the training has no end.
    """
    channels, *full = cfg.shape.in_shape
    growth, task = growth_of(cfg.data, full), build.task_of(cfg)
    if growth is None:
        return
    sizes = growth.smaller_sizes(cfg.trainer.max_epochs)
    if cfg.model.compile != "none" and len(sizes) > COMPILED_SIZES:
        raise InfeasibleError(
            f"a compiled network can be trained on {COMPILED_SIZES} smaller sizes of samples, but"
            f" data.initial_scale and data.size_multiple give {len(sizes)}; set a larger"
            " data.size_multiple, or model.compile=none"
        )
    for size in sizes:
        in_shape = (channels, *size)
        try:
            out_shape = output_shape(net, in_shape)
            if task is not None:
                task.check_output(out_shape, in_shape, int(cfg.shape.num_classes))
        except InfeasibleError as error:
            raise InfeasibleError(
                f"data.initial_scale={cfg.data.initial_scale} trains on samples of"
                f" {shape_text(size)} too, but {error}; or use data.initial_scale=1, a larger"
                " data.size_multiple, or a net with a global pool"
            ) from error


def step_memory(cfg: DictConfig, cost: Cost) -> int:
    """Return the bytes of a training step with the config's batch size and optimiser."""
    return cost.memory(batch_size(cfg), optimizer_states(cfg.optimizer))


def batch_size(cfg: DictConfig) -> int:
    """Return the samples of a step."""
    return int(cfg.data.get("batch_size", 1))


def cost_record(cost: Cost, num_classes: int, memory: int) -> dict[str, Any]:
    """Return a cost in plain types, for `result.json`."""
    return {
        "params": cost.params,
        "macs": cost.macs,
        "memory": memory,
        "receptive_field": (
            None if cost.receptive_field is None else list(cost.receptive_field.size)
        ),
        "in_shape": list(cost.in_shape),
        "num_classes": num_classes,
        "summary": summary(cost),
    }


def fill_shape(cfg: DictConfig) -> None:
    """Fill `cfg.shape` from the data, if it is not filled already.

    Raises:
        UserError: the data is missing, a key without a default is not given, or data and model
            differ in task.
    """
    if OmegaConf.is_missing(cfg.shape, "in_shape"):
        try:
            build.build_data(cfg)
        except MissingMandatoryValue:
            check_no_key_is_missing(cfg)
            raise


def build_on_meta(cfg: DictConfig) -> nn.Module:
    """Return the network on the meta device, or on the CPU if its constructor reads values.

    Raises:
        InfeasibleError: its constructor refuses the shapes.
        UserError: an option is wrong.
    """
    try:
        with torch.device("meta"), operations.shortcut_operations(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*to a meta parameter.*")
            return build.build_net(cfg)
    except UserError as error:
        if not looks_at_values(error):
            raise infeasible_from(error) from error
    try:
        with torch.random.fork_rng(devices=[]):
            return build.build_net(cfg)
    except UserError as error:
        raise infeasible_from(error) from error


def looks_at_values(error: UserError) -> bool:
    """Return whether the construction failed because of the meta device."""
    cause = root(error)
    return (
        isinstance(cause, NotImplementedError | RuntimeError)
        and re.search(META_DEVICE, str(cause)) is not None
    )


def infeasible_from(error: UserError) -> UserError:
    """Return an `InfeasibleError` for errors about values in the network's constructor; other
    errors unchanged.
    """
    cause = root(error)
    if isinstance(cause, UserError) or not isinstance(
        cause, ValueError | RuntimeError | AssertionError | ZeroDivisionError
    ):
        return error
    return InfeasibleError(f"the net cannot be built: {cause}; change the options of model.net")


def root(error: BaseException) -> BaseException:
    """Return the root cause of an error."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def optimizer_states(optimizer: DictConfig) -> int:
    """Return the number of values that an optimiser keeps for every weight."""
    states = STATES.get(str(optimizer.get("_target_", "")).rpartition(".")[2], 2)
    own = "momentum" if states < 2 else None
    return states + sum(
        bool(optimizer.get(option)) for option in (own, "amsgrad", "centered") if option
    )


def count_parameters(cfg: DictConfig, net: nn.Module, error: UntraceableError) -> dict[str, Any]:
    """Return the cost of a network that cannot run on the meta device: only its parameters.

    Raises:
        UserError: the budget limits something else.
    """
    limits = [
        f"budget.{name}"
        for name, limit in cfg.budget.items()
        if name != "max_params" and limit is not None
    ]
    if limits:
        raise UserError(f"{error}; leave out {', '.join(limits)}, or use another net") from error
    params = num_params(net)
    return {
        "params": params,
        "macs": None,
        "memory": None,
        "receptive_field": None,
        "in_shape": list(cfg.shape.in_shape),
        "num_classes": int(cfg.shape.num_classes),
        "summary": f"{type(net).__name__}: {params:,} parameters ({error})",
    }
