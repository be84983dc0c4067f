"""Imports what every training needs: a sweep's template imports this module once, before it forks trials."""

import functools
import importlib
from collections import OrderedDict
from inspect import Signature
from types import BuiltinFunctionType, FunctionType, MethodType, NoneType
from typing import TYPE_CHECKING, Any

from convsweep.startup.lean_imports import import_lean, uncollected

if TYPE_CHECKING:
    from omegaconf import DictConfig

NEEDED = (
    "lightning",
    "convsweep.run",
    "convsweep.models",
    "convsweep.data.datamodule",
    "convsweep.feasibility",
    "convsweep.callbacks.progress",
)

with uncollected():
    import_lean()
    for name in NEEDED:
        importlib.import_module(name)


def rehearse(cfg: "DictConfig") -> None:
    """Do what is slow at its first use and the same for all trials: read what W&B lists, and ask what Lightning asks.

    Of each kind of value beside a logged one Lightning asks whether it is a metric. The 250 classes of metrics answer from
    memory when they have been asked, which lasts until another class is registered anywhere. For every trainer it asks all
    installed packages for callbacks.
    """
    import torch
    from torchmetrics import Metric

    registry: Any = importlib.import_module("lightning.fabric.utilities.registry")
    if not hasattr(registry.entry_points, "cache_clear"):
        registry.entry_points = functools.cache(registry.entry_points)
    values = (dict, set, OrderedDict, NoneType, bool, int, str, torch.Tensor, torch.device, torch.dtype)
    for kind in (*values, FunctionType, BuiltinFunctionType, MethodType, Signature):
        issubclass(kind, Metric)
    if str(cfg.logger.get("_target_")).endswith(".WandbLogger"):
        from convsweep.tracking.lean_wandb import make_lean

        make_lean()
        from convsweep.tracking.swift_wandb import ask_git_once

        ask_git_once()
