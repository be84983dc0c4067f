"""Lets a W&B run start sooner: the installed packages, which it lists, are read once, and its process is not waited for in vain.

A sweep's template loads the modules of its first trial, so the trials after that find the list of packages here. Reading the
metadata of every package takes longer than all else that a run does in this process.
"""

import contextlib
import time
from typing import Any

import wandb.util

LOOK_EVERY_S = 0.01
"""wandb-core is there after 30 ms; W&B looks for it every 200."""

PACKAGES: list[Any] = list(getattr(wandb.util, "working_set", list)())


def load_wandb() -> Any:
    """Return W&B, which hands on what was read and looks often, as far as its release allows that."""
    wandb.util.working_set = lambda: PACKAGES
    with contextlib.suppress(ImportError):
        from wandb.sdk.lib.service import service_port_file

        service_port_file._SLEEP = lambda seconds: time.sleep(min(float(seconds), LOOK_EVERY_S))
    return wandb
