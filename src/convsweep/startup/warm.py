"""Imports what every training needs: a sweep's template imports this module once, before it forks trials."""

import importlib
from collections import OrderedDict
from inspect import Signature
from types import BuiltinFunctionType, FunctionType, MethodType, NoneType
from typing import TYPE_CHECKING

from convsweep.startup.garbage import no_collection
from convsweep.startup.imports import prepare_imports

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

with no_collection():
    prepare_imports()
    for name in NEEDED:
        importlib.import_module(name)


def rehearse(cfg: "DictConfig") -> None:
    """Do what is slow at its first use and the same for all trials: read what W&B lists, and ask what Lightning asks.

    Of each kind of value beside a logged one Lightning asks whether it is a metric. The 250 classes of metrics answer from
    memory when they have been asked, which lasts until another class is registered anywhere.
    """
    import torch
    from torchmetrics import Metric

    values = (dict, set, OrderedDict, NoneType, bool, int, str, torch.Tensor, torch.device, torch.dtype)
    for kind in (*values, FunctionType, BuiltinFunctionType, MethodType, Signature):
        issubclass(kind, Metric)
    if str(cfg.logger.get("_target_")).endswith(".WandbLogger"):
        from convsweep.tracking.lean_wandb import make_lean

        make_lean()
        from convsweep.tracking.swift_wandb import ask_git_once

        ask_git_once()
