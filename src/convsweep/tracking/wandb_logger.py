"""The W&B run of one training: Lightning's WandbLogger, made unable to stop, question or delay the training."""

import contextlib
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers.logger import DummyExperiment  # type: ignore[attr-defined]
from lightning.pytorch.loggers.wandb import WandbLogger as LightningWandbLogger

from convsweep.tracking.outcome import Outcome, exit_code_of
from convsweep.tracking.unstarted import Unstarted
from convsweep.tracking.wandb_mode import AskedMode, one_line
from convsweep.tracking.wandb_run import EPOCH, finish_run, forget_service, read_run_file, run_settings, start_run, sync_command

log = logging.getLogger(__name__)

LOG_MODEL: dict[str, Literal["all"] | bool] = {"none": False, "best": True, "all": "all"}


class WandbLogger(LightningWandbLogger):
    """Log one run to W&B on rank 0, from the first that is logged until `close`.

    Lightning asks for the run before the first training step; it starts behind it, with what it has been told by then.
    What is measured at one step, say the losses of training and validation, is one row of the run, which `RowEnd` sends.
    Whatever goes wrong with W&B is said in one line; then the run goes on offline or without W&B. `folder/wandb.json`
    holds the run's id, so that a resumed training goes on with the same run.

    Args:
        folder: the run folder; wandb writes into `folder/wandb`.
        mode: `auto` is online where the user is logged in and the server answers, else offline.
        log_model: checkpoints as artifacts, if online: `none`, the `best` and the last, or `all`.
        resume: go on with the run of `folder/wandb.json`.
        run_config: the run's resolved config, nested, which W&B shows.
        init_timeout_s: wait so long for the server before going offline.
        finish_timeout_s: wait so long for the upload at the end; what is left stays on disk for `wandb sync`.
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
        log_model: Literal["none", "best", "all"] = "none",
        resume: bool = False,
        run_config: Mapping[str, Any] | None = None,
        init_timeout_s: float = 20.0,
        finish_timeout_s: float = 60.0,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.folder = Path(folder)
        self._mode: AskedMode = mode
        self._has_failed = False
        self._early_summary: dict[str, Any] = {"outcome": None, "reason": None} if resume else {}  # those of the former start
        self._early_metrics: list[dict[str, float]] = []
        self._row: dict[str, float] = {}
        self._row_step: int | None = None
        self._settings = run_settings(init_timeout_s, finish_timeout_s, settings)
        super().__init__(
            save_dir=self.folder,
            id=read_run_file(self.folder).get("id") if resume else None,
            project=project,
            log_model=LOG_MODEL[log_model],
            entity=entity,
            name=name,
            group=group,
            job_type=job_type,
            tags=list(tags) or None,
            notes=notes,
            config=dict(run_config or {}),
        )

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The wandb run, which starts at first use; a stand-in that ignores every call on other ranks and without W&B."""
        return Unstarted(self.begin) if self._experiment is None else self._experiment

    @property
    def is_active(self) -> bool:
        """Whether this process logs to a W&B run, which is started to find out."""
        run = self.experiment
        return not isinstance(self.begin() if isinstance(run, Unstarted) else run, DummyExperiment)

    @rank_zero_only
    def begin(self) -> Any:
        """Start the run if there is none, and return it."""
        if self._experiment is None:
            try:
                self._experiment = self._attach() or self._start()
            except Exception as problem:
                self.give_up(problem)
            self._tell_early()
        return self._experiment

    def _tell_early(self) -> None:
        """Log what was to be logged before the run had begun."""
        summary, metrics = self._early_summary, self._early_metrics
        self._early_summary, self._early_metrics = {}, []
        if summary:
            self.log_summary(summary)
        for values in metrics:
            self.log_metrics(values, 0)

    def _attach(self) -> Any:
        attach_id = getattr(self, "_attach_id", None)
        if attach_id is None:
            return None
        import wandb

        return wandb._attach(attach_id)  # type: ignore[attr-defined]

    def _start(self) -> Any:
        run = start_run(self.folder, self._mode, self._wandb_init, self._settings)
        if run is None or run.offline:
            self._log_model = False
        return run or DummyExperiment()

    def give_up(self, problem: BaseException) -> None:
        """Say in one line that W&B failed and ignore what is logged from now on."""
        log.warning("W&B failed (%s: %s); the run goes on without it.", type(problem).__name__, one_line(problem))
        self._experiment = DummyExperiment()  # type: ignore[assignment]
        if isinstance(problem, ConnectionError):
            forget_service()

    @contextlib.contextmanager
    def harmless(self) -> Iterator[None]:
        """Do without what the block logs where it fails, and without W&B where its process is gone."""
        try:
            yield
        except ConnectionError as problem:
            self.give_up(problem)
        except Exception as problem:
            if not self._has_failed:
                log.warning("W&B: not all was logged (%s: %s)", type(problem).__name__, one_line(problem))
            self._has_failed = True

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        with self.harmless():
            if step == 0 and self._experiment is None:
                self._early_metrics.append(dict(metrics))
                return
            if step is None or step != self._row_step or self._row.keys() & metrics.keys() - {EPOCH}:
                self.send_row()
            self._row |= metrics
            self._row_step = step

    def send_row(self) -> None:
        """Log what was measured at the last step, now that nothing more comes."""
        row, self._row = self._row, {}
        if row:
            with self.harmless():
                super().log_metrics(row, self._row_step)

    @rank_zero_only
    def log_hyperparams(self, params: Any) -> None:
        with self.harmless():
            super().log_hyperparams(params)

    @rank_zero_only
    def log_summary(self, values: Mapping[str, Any]) -> None:
        """Set values that describe the whole run, say its cost, as W&B's summary, now or when the run starts."""
        with self.harmless():
            if self._experiment is None:
                self._early_summary |= values
            elif self.is_active:
                self.experiment.summary.update(dict(values))

    @rank_zero_only
    def log_media(self, build: Callable[[], Mapping[str, Any]], epoch: int) -> None:
        """Log what `build` makes of wandb's own types, for `epoch`."""
        with self.harmless():
            if self.is_active:
                self.experiment.log({**build(), EPOCH: epoch})

    def after_save_checkpoint(self, checkpoint_callback: ModelCheckpoint) -> None:
        with self.harmless():
            if self.is_active:
                super().after_save_checkpoint(checkpoint_callback)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Upload what `log_model` asks for. The run stays open (a test may follow) until `close`."""
        self.send_row()
        with self.harmless():
            super().finalize(status)

    @rank_zero_only
    def close(self, outcome: Outcome) -> None:
        """End the run in the state that fits `outcome`; what is logged afterwards is ignored."""
        if self._early_summary or self._early_metrics:
            self.begin()
        self.send_row()
        run, self._experiment = self._experiment, DummyExperiment()  # type: ignore[assignment]
        if run is None or isinstance(run, DummyExperiment):
            return
        try:
            run.summary["outcome"] = outcome
            finish_run(run, exit_code_of(outcome), self._settings["finish_timeout"])
        except TimeoutError:
            log.warning("W&B: the upload was not finished in time; for the rest: %s", sync_command(run, self.folder))
        except Exception as problem:
            self.give_up(problem)

    def __getstate__(self) -> dict[str, Any]:
        """Hand the running run, or the lack of one, to the processes of a spawning strategy."""
        if self.is_active:
            return super().__getstate__()
        return self.__dict__.copy()
