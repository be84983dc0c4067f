"""The loggers of a run, for `Trainer(logger=tracker.loggers, callbacks=tracker.callbacks)`."""

import importlib.util
import inspect
import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import Logger

from convsweep.errors import UserError, did_you_mean
from convsweep.run_folder import METRICS
from convsweep.tracking.metrics_file import MetricsFile
from convsweep.tracking.outcome import Outcome, outcome_of
from convsweep.tracking.wandb.logger import LOG_MODEL, WandbLogger
from convsweep.tracking.wandb.run import read_run_file, take_over_run_file

log = logging.getLogger(__name__)

# The logger that is passed the run's folder, name, group and config too.
OWN = ("convsweep.tracking.WandbLogger", "convsweep.tracking.wandb.logger.WandbLogger")
_FROM_RUN = ("self", "folder", "resume", "run_config")


class Tracker:
    """The loggers of one run. Leaving the `with` block closes them with the outcome of the
    block.
    """

    def __init__(self, folder: Path, loggers: Sequence[Logger]) -> None:
        self.folder = folder
        self.loggers = list(loggers)
        self.outcome: Outcome | None = None

    @property
    def wandb(self) -> WandbLogger | None:
        """The W&B logger, if the config has one."""
        return next((logger for logger in self.loggers if isinstance(logger, WandbLogger)), None)

    @property
    def callbacks(self) -> list[Callback]:
        """Callbacks that the loggers need."""
        return [RowEnd(self.wandb)] if self.wandb else []

    @property
    def record(self) -> dict[str, Any] | None:
        """{id, url, dir, parts, mode, project, entity, group} of the W&B run, which is started if
        necessary; None without one.
        """
        self.begin()
        return (read_run_file(self.folder) or None) if self.wandb else None

    def begin(self) -> None:
        """Start the W&B run now instead of after the first training step."""
        if self.wandb:
            self.wandb.begin()

    def log_summary(self, values: Mapping[str, Any]) -> None:
        """Set values that describe the whole run, such as `{"cost/parameters": 61_706}`."""
        if self.wandb:
            self.wandb.log_summary(values)

    def close(self, outcome: Outcome) -> None:
        """Close every logger with the state of `outcome`. Further calls do nothing."""
        if self.outcome is not None:
            return
        self.outcome = outcome
        if self.wandb:
            self.wandb.close(outcome)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(outcome_of(exception))


def open_tracker(
    config: Mapping[str, Any] | None,
    folder: str | os.PathLike[str],
    *,
    run_config: Mapping[str, Any] | None = None,
    name: str | None = None,
    group: str | None = None,
    tags: Sequence[str] | None = None,
    resume_from: str | os.PathLike[str] | None = None,
) -> Tracker:
    """Return the loggers of `config` (the group `logger`), preceded by the run's metrics.csv.

    Args:
        config: a node with `_target_`, or one without (`logger=none`), or None.
        folder: the run folder.
        run_config: the resolved config of the whole run.
        name, group, tags: of the W&B run, if `config` leaves them empty. Name and tags default to
            the composed choices: `lenet5_digits`, `[lenet5, digits]`.
        resume_from: the folder of the run to resume, which may be `folder` itself; None starts a
            new one.

    Raises:
        UserError: the W&B logger has no such option, or not such a value.
    """
    folder = Path(folder)
    if resume_from is not None:
        _take_over(Path(resume_from), folder)
    resume = resume_from is not None
    loggers: list[Logger] = [MetricsFile(folder, resume=resume)]
    if config and config.get("_target_"):
        if config["_target_"] not in OWN:
            loggers.append(instantiate(config, _convert_="all"))
        elif importlib.util.find_spec("wandb") is None:
            log.warning("W&B: none (wandb is not installed)")
        else:
            own = _identity(config, name=name, group=group, tags=tags)
            loggers.append(
                WandbLogger(
                    folder=folder, resume=resume, run_config=run_config, **_options(config) | own
                )
            )
    return Tracker(folder, loggers)


def _options(config: Mapping[str, Any]) -> dict[str, Any]:
    known = [
        name for name in inspect.signature(WandbLogger.__init__).parameters if name not in _FROM_RUN
    ]
    options = {key: value for key, value in config.items() if not key.startswith("_")}
    for name in options:
        if name not in known:
            raise UserError(f"logger has no option {name!r}; {did_you_mean(name, known)}")
    if options.get("log_model", "none") not in LOG_MODEL:
        raise UserError(
            f"logger.log_model must be one of {', '.join(LOG_MODEL)}, but is"
            f" {options['log_model']!r}"
        )
    return options


def _identity(
    configured: Mapping[str, Any],
    *,
    name: str | None,
    group: str | None,
    tags: Sequence[str] | None,
) -> dict[str, Any]:
    choices, stated = composed_choices(), configured.get("tags") or ()
    stated = [stated] if isinstance(stated, str) else stated
    default_name = None if "WANDB_NAME" in os.environ else "_".join(choices) or None
    return {
        "name": configured.get("name") or name or default_name,
        "group": configured.get("group") or group,
        "tags": list(dict.fromkeys([*stated, *(choices if tags is None else tags)])),
    }


def composed_choices() -> list[str]:
    """Return the options of net and data set that Hydra composed; empty outside of a Hydra run."""
    if not HydraConfig.initialized():
        return []
    choices = HydraConfig.get().runtime.choices
    return [str(choices[group]) for group in ("model/net", "data") if choices.get(group)]


@rank_zero_only
def _take_over(source: Path, folder: Path) -> None:
    """Copy the W&B run file and the metrics of the run in `source`, unless it is the same
    folder.
    """
    if source.resolve() == folder.resolve():
        return
    folder.mkdir(parents=True, exist_ok=True)
    take_over_run_file(source, folder)
    if (source / METRICS).exists():
        shutil.copy(source / METRICS, folder / METRICS)


class RowEnd(Callback):
    """Sends the metrics of a step to W&B before the next step.

    Args:
        logger: whose row is sent.
    """

    def __init__(self, logger: WandbLogger) -> None:
        self.logger = logger

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        # values logged before the first step must not start W&B
        self.logger.send_row(before=trainer.global_step)
