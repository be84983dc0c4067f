"""The file best.ckpt is the best epoch and no other."""

from pathlib import Path

import pytest
from tests.conftest import Train

EVERY_SECOND = (
    "+callbacks.every_second={_target_: lightning.pytorch.callbacks.ModelCheckpoint, every_n_epochs: 2, save_top_k: -1, "
    'dirpath: "${hydra:runtime.output_dir}/checkpoints", filename: "{epoch:03d}"}'
)


def test_the_second_best_is_not_written_over_the_best(train: Train, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        train("callbacks.checkpoint.save_top_k=3")
    assert "Error: callbacks.checkpoint.save_top_k must be 1, the file best.ckpt, but is 3" in capsys.readouterr().err


def test_another_callback_keeps_more(train: Train) -> None:
    folder: Path = train("trainer.max_epochs=4", EVERY_SECOND)
    kept = {path.name for path in (folder / "checkpoints").iterdir()}
    assert kept == {"best.ckpt", "last.ckpt", "epoch=001.ckpt", "epoch=003.ckpt"}
