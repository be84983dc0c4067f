"""Which epochs a run keeps, and the scores of the best one."""

import pytest

from convsweep.training import early_checks
from convsweep.training.build import read_checkpoint
from tests.conftest import Train
from tests.training.run_files import result_of, rows_of

pytestmark = pytest.mark.long


@pytest.fixture(autouse=True)
def _worst_is_best(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow to monitor a loss by its highest value, which the first epoch has."""
    monkeypatch.setattr(early_checks, "check_direction", lambda cfg: None)


def test_the_last_epoch_is_kept_also_where_it_is_not_the_best(train: Train) -> None:
    folder = (
        train(
            "monitor.metric=val/loss", "monitor.mode=max", "scheduler=none", "trainer.max_epochs=3"
        )
        / "checkpoints"
    )
    assert [read_checkpoint(folder / name)["epoch"] for name in ("best.ckpt", "last.ckpt")] == [
        0,
        2,
    ]


def test_the_best_checkpoint_comes_along_to_another_folder(train: Train) -> None:
    # the first epoch is the best so
    worst = ("monitor.metric=val/loss", "monitor.mode=max", "scheduler=none")
    train(*worst, "trainer.max_epochs=2", folder="first")
    folder = train(
        *worst, "trainer.max_epochs=3", "ckpt_path=first/checkpoints/last.ckpt", folder="second"
    )
    result = result_of(folder)
    assert result["best_epoch"] == 1
    assert result["best"]["val/loss"] == pytest.approx(
        max(float(row["val/loss"]) for row in rows_of(folder)), abs=1e-4
    )
    assert result["checkpoint"] == "checkpoints/best.ckpt"
    assert read_checkpoint(folder / "checkpoints/best.ckpt")["epoch"] == 0


@pytest.mark.filterwarnings("ignore:The dirpath has changed")
def test_scores_are_of_a_checkpoint_that_is_there(train: Train) -> None:
    worst = ("monitor.metric=val/loss", "monitor.mode=max", "scheduler=none")
    (train(*worst, "trainer.max_epochs=2", folder="first") / "checkpoints/best.ckpt").unlink()
    folder = train(
        *worst, "trainer.max_epochs=4", "ckpt_path=first/checkpoints/last.ckpt", folder="second"
    )
    assert result_of(folder)["best_epoch"] == 3
    assert read_checkpoint(folder / "checkpoints/best.ckpt")["epoch"] == 2
