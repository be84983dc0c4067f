"""Keeps out of W&B what a run does not use: W&B Launch, which every run asks for staged inputs, and reports to its makers."""

import os
from typing import Any

from convsweep.startup.deferred_imports import defer

LAUNCH_PACKAGES, STAGED = ("wandb.sdk.launch", "wandb.sdk.launch.inputs"), "wandb.sdk.launch.inputs.internal"


class NoStagedInputs:
    """Stands for the inputs of a launched job: none are staged before the module is loaded."""

    def apply(self, run: Any) -> None:
        """Apply none."""


def make_lean() -> None:
    """Put off and switch off what is not used; call it before W&B is imported."""
    # With reports wandb-core waits 20 s behind a firewall when the process ends.
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    for package in LAUNCH_PACKAGES:
        defer(package, {})
    defer(STAGED, {"StagedLaunchInputs": NoStagedInputs})
