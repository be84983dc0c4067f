"""Logging of runs: metrics.csv and W&B, whose failures do not stop a training. Imported on first
use.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convsweep.tracking.confusion import ConfusionMatrix as ConfusionMatrix
    from convsweep.tracking.metrics_file import MetricsFile as MetricsFile
    from convsweep.tracking.metrics_file import read_metrics as read_metrics
    from convsweep.tracking.outcome import Outcome as Outcome
    from convsweep.tracking.outcome import exit_code_of as exit_code_of
    from convsweep.tracking.outcome import outcome_of as outcome_of
    from convsweep.tracking.predictions import SamplePredictions as SamplePredictions
    from convsweep.tracking.recordings import SampleRecordings as SampleRecordings
    from convsweep.tracking.tracker import Tracker as Tracker
    from convsweep.tracking.tracker import open_tracker as open_tracker
    from convsweep.tracking.wandb.logger import WandbLogger as WandbLogger
    from convsweep.tracking.wandb.run import read_run_file as read_run_file

_MODULES = {
    "ConfusionMatrix": "confusion",
    "MetricsFile": "metrics_file",
    "Outcome": "outcome",
    "SamplePredictions": "predictions",
    "SampleRecordings": "recordings",
    "Tracker": "tracker",
    "WandbLogger": "wandb.logger",
    "exit_code_of": "outcome",
    "open_tracker": "tracker",
    "outcome_of": "outcome",
    "read_metrics": "metrics_file",
    "read_run_file": "wandb.run",
}
__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
