"""What a run leaves to look at: metrics.csv and W&B, neither of which can stop a training."""

from convsweep.tracking.confusion import ConfusionMatrix
from convsweep.tracking.metrics_file import MetricsFile, read_metrics
from convsweep.tracking.outcome import Outcome, exit_code_of, outcome_of
from convsweep.tracking.predictions import SamplePredictions
from convsweep.tracking.tracker import Tracker, open_tracker
from convsweep.tracking.wandb_logger import WandbLogger
from convsweep.tracking.wandb_run import read_run_file

__all__ = [
    "ConfusionMatrix",
    "MetricsFile",
    "Outcome",
    "SamplePredictions",
    "Tracker",
    "WandbLogger",
    "exit_code_of",
    "open_tracker",
    "outcome_of",
    "read_metrics",
    "read_run_file",
]
