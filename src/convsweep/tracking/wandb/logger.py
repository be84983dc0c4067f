"""A Lightning logger for W&B that never stops or delays a training and never prompts."""

import contextlib
import logging
import os
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

from convsweep.tracking.outcome import Outcome, exit_code_of
from convsweep.tracking.wandb.checkpoint_artifacts import CheckpointArtifacts
from convsweep.tracking.wandb.lazy_run import LateRun
from convsweep.tracking.wandb.mode import AskedMode, one_line
from convsweep.tracking.wandb.run import (
    EPOCH,
    STEP,
    finish_run,
    forget_service,
    read_run_file,
    run_settings,
    start_run,
    sync_command,
)
from hydra_study import trial

log = logging.getLogger(__name__)

LogModel = Literal["none", "best", "all"]
LOG_MODEL: tuple[LogModel, ...] = get_args(LogModel)


class WandbLogger(Logger):
    """Logs one run to W&B on rank 0, from the first logged value until `close`.

    The run starts when something is logged: a training that fails its checks creates none, and the
        first training step does not wait for W&B. Metrics of one step, such as training and
        validation loss, form one row, which `RowEnd` sends. Errors of W&B are logged in one line;
        the run continues offline or without W&B. `folder/wandb.json` holds the run's id, so that a
        resumed training continues the same run.

    Args:
        folder: the run folder; wandb writes into `folder/wandb`.
        mode: `auto` is online if the user is logged in and the server answers, else offline.
        log_model: upload checkpoints as artifacts, if online: `none`, the `best` and the last, or
            `all`.
        resume: continue the run of `folder/wandb.json`.
        run_config: the run's resolved config, nested, which W&B shows.
        init_timeout_s: seconds to wait for the server before going offline.
        finish_timeout_s: seconds to wait for the upload at the end; the rest stays on disk for
            `wandb sync`.
        settings: further `wandb.Settings` by name.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        project: str = "convsweep",
        entity: str | None = None,
        name: str | None = None,
        group: str | None = None,
        job_type: str | None = None,
        tags: Sequence[str] = (),
        notes: str | None = None,
        mode: AskedMode = "auto",
        log_model: LogModel = "none",
        resume: bool = False,
        run_config: Mapping[str, Any] | None = None,
        init_timeout_s: float = 20.0,
        finish_timeout_s: float = 60.0,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.folder = Path(folder)
        self._mode: AskedMode = mode
        # The study's run saves the list of packages; for a trial, reading it would take longer than
        # all other calls to W&B.
        further = {"x_save_requirements": not trial.in_trial(), **(settings or {})}
        self._settings = run_settings(init_timeout_s, finish_timeout_s, further)
        self._arguments: dict[str, Any] = {
            "dir": str(self.folder),
            "id": read_run_file(self.folder).get("id") if resume else None,
            "project": project,
            "entity": entity,
            "name": name,
            "group": group,
            "job_type": job_type,
            "tags": list(tags) or None,
            "notes": notes,
            "config": dict(run_config or {}),
        }
        self._run: Any = None
        self._is_off = False
        self._has_failed = False
        # the artifacts of the earlier start
        self._early_summary: dict[str, Any] = {"outcome": None, "reason": None} if resume else {}
        self._row: dict[str, float] = {}
        self._row_step: int | None = None
        self._artifacts = CheckpointArtifacts(log_model)

    @property
    def name(self) -> str:
        """The project."""
        return str(self._arguments["project"])

    @property
    def version(self) -> str | None:
        """The id of the run, if it is started or resumed."""
        run_id = self._arguments["id"] if self._run is None else self._run.id
        return None if run_id is None else str(run_id)

    @property
    def save_dir(self) -> str:
        """The run folder."""
        return str(self.folder)

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The wandb run, started on first use; on other ranks and without W&B a stand-in that
        ignores every call.
        """
        return LateRun(self.begin) if self._run is None else self._run

    @property
    def is_active(self) -> bool:
        """Whether this process logs to a W&B run; starts the run."""
        return self.begin() is not None

    @rank_zero_only
    def begin(self) -> Any:
        """Start the run if there is none, and return it; None without W&B."""
        if self._run is None and not self._is_off:
            try:
                self._run = start_run(self.folder, self._mode, self._arguments, self._settings)
            except Exception as problem:
                self.give_up(problem)
            self._is_off = self._run is None
            self.log_summary(self._early_summary)
        return self._run

    def give_up(self, problem: BaseException) -> None:
        """Report in one line that W&B failed, and ignore further calls."""
        log.warning(
            "W&B failed (%s: %s); the run continues without it.",
            type(problem).__name__,
            one_line(problem),
        )
        self._run, self._is_off = None, True
        if isinstance(problem, ConnectionError):
            forget_service()

    @contextlib.contextmanager
    def harmless(self) -> Iterator[None]:
        """Suppress errors of the block, and give up W&B if its process has ended."""
        try:
            yield
        except ConnectionError as problem:
            self.give_up(problem)
        except Exception as problem:
            if not self._has_failed:
                log.warning(
                    "W&B: not all was logged (%s: %s)", type(problem).__name__, one_line(problem)
                )
            self._has_failed = True

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Add metrics to the row of their step, after sending the row of an earlier step."""
        if step is None or step != self._row_step or self._row.keys() & metrics.keys() - {EPOCH}:
            self.send_row()
        self._row |= metrics
        self._row_step = step

    def send_row(self, before: int | None = None) -> None:
        """Send the pending row, if its step is smaller than `before`."""
        if before is not None and self._row_step is not None and self._row_step >= before:
            return
        row, self._row = self._row, {}
        if row:
            with self.harmless():
                self.experiment.log(
                    row if self._row_step is None else {**row, STEP: self._row_step}
                )

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace) -> None:
        """Add parameters to the config of the run, now or at its start."""
        with self.harmless():
            values = plain(vars(params) if isinstance(params, Namespace) else params)
            if self._run is None:
                self._arguments["config"] |= values
            else:
                self._run.config.update(values, allow_val_change=True)

    @rank_zero_only
    def log_summary(self, values: Mapping[str, Any]) -> None:
        """Set values that describe the whole run, such as its cost, in W&B's summary, now or at its
        start.
        """
        with self.harmless():
            if self._run is not None:
                self._run.summary.update(dict(values))
            elif not self._is_off:
                self._early_summary |= values

    @rank_zero_only
    def log_media(self, build: Callable[[], Mapping[str, Any]], epoch: int) -> None:
        """Log the wandb media returned by `build`, for `epoch`."""
        with self.harmless():
            if self.is_active:
                self.experiment.log({**build(), EPOCH: epoch})

    @rank_zero_only
    def after_save_checkpoint(self, checkpoint_callback: ModelCheckpoint) -> None:
        """Remember a checkpoint, or upload it with `log_model=all`."""
        with self.harmless():
            if self._artifacts.note(checkpoint_callback):
                self._artifacts.upload(self.begin())

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Upload the checkpoints of `log_model`. The run stays open until `close`, since a test may
        follow.
        """
        self.send_row()
        with self.harmless():
            if status == "success":
                self._artifacts.upload(self._run)

    @rank_zero_only
    def close(self, outcome: Outcome) -> None:
        """Finish the run with the state of `outcome`; later calls are ignored."""
        self.send_row()
        if self._early_summary:
            self.begin()
        run, self._run, self._is_off = self._run, None, True
        if run is None:
            return
        try:
            run.summary["outcome"] = outcome
            finish_run(run, exit_code_of(outcome), self._settings["finish_timeout"])
        except TimeoutError:
            log.warning(
                "W&B: the upload was not finished in time; for the rest: %s",
                sync_command(run, self.folder),
            )
        except Exception as problem:
            self.give_up(problem)

    def __getstate__(self) -> dict[str, Any]:
        """Start the run before processes are spawned: a wandb run can be pickled, and rank 0 logs
        to it.
        """
        self.begin()
        return self.__dict__.copy()


def plain(value: Any) -> Any:
    """Return a value in JSON's types; others become strings."""
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(part) for part in value]
    return value if isinstance(value, str | int | float | None) else str(value)
