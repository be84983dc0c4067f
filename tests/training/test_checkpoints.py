"""The file best.ckpt is the best epoch and no other."""

from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch

from convsweep.training.callbacks.checkpoints import Checkpoints
from tests.conftest import Train
from tests.models.tiny import classifier, fit, labelled

EVERY_SECOND = (
    "+callbacks.every_second={_target_: lightning.pytorch.callbacks.ModelCheckpoint,"
    ' every_n_epochs: 2, save_top_k: -1, dirpath: "${hydra:runtime.output_dir}/checkpoints",'
    ' filename: "{epoch:03d}"}'
)


def test_the_second_best_is_not_written_over_the_best(
    train: Train, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        train("callbacks.checkpoint.save_top_k=3")
    assert (
        "Error: callbacks.checkpoint.save_top_k must be 1, the file best.ckpt, but is 3"
        in capsys.readouterr().err
    )


def test_another_callback_keeps_more(train: Train) -> None:
    folder: Path = train("trainer.max_epochs=4", EVERY_SECOND)
    kept = {path.name for path in (folder / "checkpoints").iterdir()}
    assert kept == {"best.ckpt", "last.ckpt", "epoch=001.ckpt", "epoch=003.ckpt"}


class Script(L.Callback):
    """Scores each epoch as written; counts what is saved, and looks at both files in front of the
    next epoch.
    """

    def __init__(self, *scores: float) -> None:
        self.scores, self.saved = scores, 0
        self.seen: list[tuple[int, bool, int, int]] = []

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        pl_module.log("score", self.scores[trainer.current_epoch])

    def on_save_checkpoint(self, *rest: Any) -> None:
        self.saved += 1

    def on_train_epoch_start(self, trainer: L.Trainer, *rest: Any) -> None:
        if trainer.current_epoch:
            assert trainer.checkpoint_callback is not None
            folder = Path(str(trainer.checkpoint_callback.dirpath))  # type: ignore[attr-defined]
            best, last = folder / "best.ckpt", folder / "last.ckpt"
            epochs = [torch.load(path, weights_only=True)["epoch"] for path in (best, last)]
            self.seen.append((self.saved, best.samefile(last), *epochs))


def follow(folder: Path, *scores: float) -> Script:
    """Train with these scores and return what was seen."""
    keep, script = (
        Checkpoints(dirpath=folder, filename="best", monitor="score", mode="max", save_last=True),
        Script(*scores),
    )
    fit(
        classifier(),
        labelled(),
        len(scores),
        callbacks=[script, keep],
        enable_checkpointing=True,
        default_root_dir=folder,
    )
    return script


def test_an_epoch_that_is_last_and_best_is_written_once(tmp_path: Path) -> None:
    script = follow(tmp_path, 1, 3, 2, 2, 4)
    assert script.seen == [(1, True, 0, 0), (2, True, 1, 1), (3, False, 1, 2), (4, False, 1, 3)]
    assert script.saved == 5
    assert (tmp_path / "best.ckpt").samefile(tmp_path / "last.ckpt")


def test_it_is_written_twice_where_the_disk_knows_no_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*paths: Path) -> None:
        raise OSError

    monkeypatch.setattr("os.link", refuse)
    assert follow(tmp_path, 1, 3).seen == [(2, False, 0, 0)]
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["epoch"] == 1
