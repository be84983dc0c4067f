"""Data that a W&B server receives from a run."""

import logging
import signal
from argparse import Namespace
from pathlib import Path

import pytest
import torch
from fitting import CONFIG, TinyModel, fit, track
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.utilities.exceptions import SIGTERMException
from wandb_server import WandbServer

from convsweep.errors import DivergedError
from convsweep.tracking import Outcome, WandbLogger, read_run_file

pytestmark = pytest.mark.long


@pytest.mark.both_modes
def test_server_receives_config_metrics_summary_and_identity(
    server: WandbServer, folder: Path
) -> None:
    with track(folder, name="first", group="a_study", tags=["mine"]) as tracker:
        tracker.log_summary({"cost/parameters": 15})
        fit(tracker, max_epochs=3, test=True)
    run = server.run
    assert run.config == CONFIG
    assert (run.project, run.display_name, run.group, run.job_type) == (
        "convsweep",
        "first",
        "a_study",
        "train",
    )
    assert sorted(run.tags) == ["digits", "lenet5", "mine"]
    assert [row["epoch"] for row in run.history if "val/loss" in row] == [0, 1, 2]
    assert [row["trainer/global_step"] for row in run.history if "train/loss" in row] == [2, 5, 8]
    assert all("val/loss" in row for row in run.history if "train/loss" in row), (
        "an epoch's losses are one row"
    )
    assert run.summary["cost/parameters"] == 15
    assert run.summary["test/loss"] == run.values("test/loss")[-1]
    assert run.summary["outcome"] == "complete"
    assert run.state == "finished"
    assert any(key.startswith("system.") for row in run.events for key in row)


def test_a_row_is_sent_before_the_next_step(server: WandbServer, folder: Path) -> None:
    class Look(Callback):
        def on_train_batch_end(self, trainer: Trainer, *others: object) -> None:
            (logger,) = (logger for logger in trainer.loggers if isinstance(logger, WandbLogger))
            late.append(bool(logger._row))

    late: list[bool] = []
    with track(folder) as tracker:
        fit(tracker, max_epochs=2, callbacks=[Look()])
        assert late == [False] * 6
        assert tracker.wandb
        assert not tracker.wandb._row, "the last one does not wait for the test"


def test_rows_of_one_step_are_joined_unless_they_measure_the_same_again(
    server: WandbServer, folder: Path
) -> None:
    rows: list[tuple[dict[str, float], int]] = [
        ({"lr": 1, "epoch": 0}, 1),
        ({"val/loss": 2, "epoch": 1}, 3),
        ({"train/loss": 3, "epoch": 1}, 3),
        ({"val/loss": 4, "epoch": 1}, 3),
        ({"lr": 5}, 4),
    ]
    with track(folder) as tracker:
        assert tracker.wandb
        for metrics, step in rows:
            tracker.wandb.log_metrics(metrics, step)
        tracker.wandb.log_media(lambda: {"predictions/shown": 6}, epoch=1)
        tracker.wandb.log_metrics({"lr": 7}, 5)
    sent = [
        {key: value for key, value in row.items() if not key.startswith("_")}
        for row in server.run.history
    ]
    sent[3].pop("trainer/global_step", None)  # W&B adds its last one, at times
    assert sent == [
        {"lr": 1, "epoch": 0, "trainer/global_step": 1},
        {"val/loss": 2, "train/loss": 3, "epoch": 1, "trainer/global_step": 3},
        {"val/loss": 4, "epoch": 1, "trainer/global_step": 3},
        {"predictions/shown": 6, "epoch": 1},
        {"lr": 5, "trainer/global_step": 4},
        {"lr": 7, "trainer/global_step": 5},
    ]


def test_run_file_names_the_run_the_server_has(server: WandbServer, folder: Path) -> None:
    with track(folder) as tracker:
        fit(tracker, max_epochs=1)
        record = tracker.record
    assert record is not None
    assert record == read_run_file(folder)
    assert record["id"] == server.run.id
    assert record["mode"] == "online"
    assert record["url"].endswith(f"convsweep/runs/{server.run.id}")
    assert (folder / record["dir"] / f"run-{record['id']}.wandb").is_file()


@pytest.mark.parametrize(
    ("problem", "state", "outcome"),
    [
        (RuntimeError("a bug"), "failed", "error"),
        (DivergedError("loss is NaN"), "failed", "diverged"),
        (MemoryError(), "failed", "out_of_memory"),
        (KeyboardInterrupt(), "killed", "killed"),
        (SIGTERMException(), "killed", "killed"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_state_is_the_one_the_training_ended_in(
    server: WandbServer, folder: Path, problem: BaseException, state: str, outcome: str
) -> None:
    interrupt = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises((type(problem), SystemExit)), track(folder) as tracker:
            fit(tracker, TinyModel(fail_at=1, problem=problem))
    finally:
        signal.signal(signal.SIGINT, interrupt)
    assert (server.run.state, server.run.summary["outcome"]) == (state, outcome)
    assert len(server.run.values("val/loss")) == 1


def test_three_runs_of_one_process_are_three_runs(server: WandbServer, tmp_path: Path) -> None:
    outcomes: tuple[Outcome, ...] = ("complete", "pruned", "error")
    for number, outcome in enumerate(outcomes):
        tracker = track(tmp_path / str(number), group="a_study")
        fit(tracker, max_epochs=number + 1)
        tracker.close(outcome)
    runs = list(server.runs.values())
    assert [len(run.values("val/loss")) for run in runs] == [1, 2, 3]
    assert [run.state for run in runs] == ["finished", "finished", "failed"]
    assert {run.group for run in runs} == {"a_study"}


def test_a_run_left_open_by_others_is_not_written_into(
    server: WandbServer, folder: Path, tmp_path: Path
) -> None:
    import wandb

    other = wandb.init(project="other", dir=str(tmp_path), settings=wandb.Settings(silent=True))
    with track(folder) as tracker:
        fit(tracker, max_epochs=1)
    other.log({"theirs": 1})
    other.finish()
    theirs, ours = server.runs[other.id], server.runs[read_run_file(folder)["id"]]
    assert theirs.values("val/loss") == []
    assert theirs.values("theirs") == [1]
    assert len(ours.values("val/loss")) == 1


def test_resume_goes_on_with_the_same_run(server: WandbServer, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    with track(first) as tracker:
        fit(tracker, max_epochs=2).save_checkpoint(tmp_path / "last.ckpt")
    with track(second, resume_from=first) as tracker:
        fit(tracker, max_epochs=4, ckpt_path=tmp_path / "last.ckpt")
    assert [row["epoch"] for row in server.run.history if "val/loss" in row] == [0, 1, 2, 3]
    assert read_run_file(first)["id"] == read_run_file(second)["id"] == server.run.id
    assert server.run.state == "finished"


def test_a_run_that_goes_on_no_longer_says_why_it_had_stopped(
    server: WandbServer, folder: Path
) -> None:
    tracker = track(folder)
    tracker.log_summary({"reason": "asked to close"})
    tracker.close("killed")
    assert (server.run.summary["outcome"], server.run.summary["reason"]) == (
        "killed",
        "asked to close",
    )
    tracker = track(folder, resume_from=folder)
    tracker.begin()
    tracker.close("complete")
    assert server.run.summary["outcome"] == "complete"
    assert server.run.summary.get("reason") is None


def test_without_resume_the_same_folder_makes_a_new_run(server: WandbServer, folder: Path) -> None:
    for _ in range(2):
        with track(folder) as tracker:
            fit(tracker, max_epochs=1)
    assert len(server.runs) == 2


def test_best_checkpoint_becomes_an_artifact(server: WandbServer, folder: Path) -> None:
    keep_best = ModelCheckpoint(folder / "checkpoints", monitor="val/loss")
    with track(folder, log_model="best") as tracker:
        fit(tracker, enable_checkpointing=True, callbacks=[keep_best])
    (artifact,) = server.book.artifacts.values()
    assert (artifact.name, artifact.type, artifact.is_committed) == (
        f"model-{server.run.id}",
        "model",
        True,
    )
    assert {"best", "latest"} <= set(artifact.aliases)


def test_only_a_monitored_checkpoint_is_the_best(server: WandbServer, folder: Path) -> None:
    best = ModelCheckpoint(folder / "checkpoints", monitor="val/loss", filename="best")
    last = ModelCheckpoint(folder / "checkpoints", filename="last")
    with track(folder, log_model="best") as tracker:
        fit(tracker, enable_checkpointing=True, callbacks=[best, last])
    aliases = [
        set(artifact.aliases) & {"best", "latest"} for artifact in server.book.artifacts.values()
    ]
    assert sorted(aliases, key=len) == [{"latest"}, {"best", "latest"}]


def test_hyperparameters_join_the_config_before_the_run_begins_and_after(
    server: WandbServer, folder: Path
) -> None:
    with track(folder) as tracker:
        assert tracker.wandb is not None
        tracker.wandb.log_hyperparams({"depth": 3, "activation": torch.nn.ReLU, "sizes": (1, 2)})
        assert server.runs == {}
        tracker.begin()
        tracker.wandb.log_hyperparams(Namespace(width=2))
    activation = "<class 'torch.nn.modules.activation.ReLU'>"
    assert server.run.config == {
        **CONFIG,
        "depth": 3,
        "activation": activation,
        "sizes": [1, 2],
        "width": 2,
    }


def test_a_training_that_logs_nothing_makes_no_run(server: WandbServer, folder: Path) -> None:
    with track(folder) as tracker:
        assert tracker.wandb is not None
        assert hasattr(tracker.wandb, "experiment"), "Lightning looks at it before the training"
    assert server.runs == {}


def test_one_line_on_the_terminal(
    server: WandbServer,
    folder: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with caplog.at_level(logging.INFO, logger="convsweep"), track(folder) as tracker:
        tracker.log_summary({"a": 1})
    lines = [
        record.getMessage() for record in caplog.records if record.name.startswith("convsweep")
    ]
    assert lines == [f"W&B: {read_run_file(folder)['url']}"]
    assert "".join(capfd.readouterr()) == ""
