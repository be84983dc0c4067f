"""metrics.csv holds what was measured, at once, one row an epoch, through resumes and full
disks.
"""

import logging
from pathlib import Path

import pytest
import torch
from fitting import fit, track
from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch import LightningModule, seed_everything
from lightning.pytorch.callbacks import Callback, LearningRateMonitor, ModelCheckpoint

from convsweep.tracking import MetricsFile, open_tracker, read_metrics


def test_a_training_makes_one_row_an_epoch_and_one_for_the_test(folder: Path) -> None:
    with open_tracker(None, folder) as tracker:
        fit(tracker, max_epochs=3, test=True, callbacks=[LearningRateMonitor("epoch")])
    rows = read_metrics(folder / "metrics.csv")
    assert list(rows[0]) == ["epoch", "step", "lr-SGD", "val/loss", "train/loss", "test/loss"]
    assert [row["epoch"] for row in rows] == ["0", "1", "2", "3"]
    assert [row["step"] for row in rows] == ["2", "5", "8", "9"]
    assert all(row["lr-SGD"] and row["val/loss"] and row["train/loss"] for row in rows[:3])
    assert rows[3]["test/loss"] == rows[2]["val/loss"]
    assert (rows[3]["val/loss"], rows[0]["test/loss"]) == ("", "")


def test_what_is_logged_is_on_disk_at_once_and_new_columns_keep_old_rows(folder: Path) -> None:
    file = MetricsFile(folder)
    file.log_metrics({"a": 1.0, "epoch": 0}, 0)
    assert read_metrics(file.path) == [{"epoch": "0", "step": "0", "a": "1.0"}]
    file.log_metrics({"b, quoted": torch.tensor(2)}, 3)
    assert read_metrics(file.path) == [{"epoch": "0", "step": "3", "a": "1.0", "b, quoted": "2"}]
    file.log_metrics({"a": 3.0}, 5)
    file.log_metrics({"c": 4.0}, 5)
    assert read_metrics(file.path) == [
        {"epoch": "0", "step": "3", "a": "1.0", "b, quoted": "2", "c": ""},
        {"epoch": "", "step": "5", "a": "3.0", "b, quoted": "", "c": "4.0"},
    ]


def test_a_torn_last_line_is_left_out(folder: Path) -> None:
    (folder / "metrics.csv").write_text("epoch,step,a\n0,1,0.5\n1,2,0.2")
    assert read_metrics(folder / "metrics.csv") == [{"epoch": "0", "step": "1", "a": "0.5"}]


class KillInEpoch(Callback):
    """Stands for kill -9: nothing that follows in the training is run."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_validation_end(self, trainer: object, pl_module: LightningModule) -> None:
        if pl_module.current_epoch == self.epoch:
            raise RuntimeError("killed")


def test_killed_and_resumed_leaves_the_file_of_an_uninterrupted_training(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    seed_everything(0, verbose=False)
    with open_tracker(None, whole) as tracker:
        fit(tracker, max_epochs=5)
    seed_everything(0, verbose=False)
    keep_third = ModelCheckpoint(
        tmp_path / "checkpoints", every_n_epochs=3, filename="third", save_top_k=-1
    )
    with pytest.raises(RuntimeError, match="killed"), open_tracker(None, killed) as tracker:
        fit(
            tracker, max_epochs=5, enable_checkpointing=True, callbacks=[keep_third, KillInEpoch(4)]
        )
    assert len(read_metrics(killed / "metrics.csv")) == 5
    with open_tracker(None, killed, resume_from=killed) as tracker:
        fit(tracker, max_epochs=5, ckpt_path=tmp_path / "checkpoints/third.ckpt")
    assert (killed / "metrics.csv").read_text() == (whole / "metrics.csv").read_text()


def test_without_resume_the_former_file_keeps_its_rows_under_another_name(folder: Path) -> None:
    for value in (1.0, 2.0, 3.0):
        MetricsFile(folder).log_metrics({"a": value}, 0)
    values = {path.name: read_metrics(path)[0]["a"] for path in folder.iterdir()}
    assert values == {"metrics.1.csv": "1.0", "metrics.2.csv": "2.0", "metrics.csv": "3.0"}


def test_a_disk_that_refuses_is_reported_once_and_training_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    with (
        caplog.at_level(logging.WARNING, logger="convsweep"),
        open_tracker(None, tmp_path / "file" / "run") as tracker,
    ):
        trainer = fit(tracker, max_epochs=2)
    assert trainer.current_epoch == 2
    (record,) = (record for record in caplog.records if record.name.startswith("convsweep"))
    assert record.getMessage().endswith("Training continues.")


def test_other_ranks_write_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    with track(folder) as tracker:
        tracker.log_summary({"a": 1})
        for logger in tracker.loggers:
            logger.log_metrics({"a": 1.0}, 0)
    assert list(folder.iterdir()) == []


def test_run_folder_is_the_trainers_log_dir(folder: Path) -> None:
    with open_tracker(None, folder) as tracker:
        assert fit(tracker, max_epochs=1).log_dir == str(folder)
