"""A training with a teacher: what is learnt, resumed, kept and refused."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from convsweep.data.samples import DataInfo
from convsweep.errors import UserError
from convsweep.training.build import load_model, read_checkpoint
from convsweep.training.teacher import check_teacher
from tests.checkpoints import SCENES, arrays_checkpoint, write_checkpoint
from tests.conftest import Train


def weights(run: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = read_checkpoint(run / "checkpoints/last.ckpt")["state_dict"]
    return found


def assert_same(run: Path, other: Path) -> None:
    theirs = weights(other)
    assert all(torch.equal(value, theirs[name]) for name, value in weights(run).items())


def test_a_student_is_trained_resumed_and_read_without_its_teacher(
    train: Train, tmp_path: Path
) -> None:
    teacher = write_checkpoint(tmp_path / "teacher.ckpt", "model.net.width=12")
    learning = [f"teacher={teacher}", "scheduler=none", "distillation.weight=0.9"]
    whole = train(*learning, "trainer.max_epochs=2", folder="whole")
    learnt = weights(train(*learning, folder="parts"))
    train("resume=parts", "trainer.max_epochs=2", quick=False)
    assert_same(tmp_path / "parts", whole)
    weightless, plain = (
        train(f"teacher={name}", "distillation.weight=0", "scheduler=none", folder=folder)
        for name, folder in ((teacher, "weightless"), ("null", "plain"))
    )
    assert_same(weightless, plain)
    assert any(not torch.equal(value, learnt[name]) for name, value in weights(plain).items())
    teacher.unlink()
    assert load_model(whole / "checkpoints/last.ckpt").teacher is None


def test_a_segmenter_learns_from_feature_maps_too(train: Train, tmp_path: Path) -> None:
    teacher = write_checkpoint(tmp_path / "teacher.ckpt", *SCENES)
    run = train(
        *SCENES,
        "trainer=cpu",
        "trainer.max_epochs=1",
        "logger=none",
        f"teacher={teacher}",
        "distillation.feature_weight=1",
        quick=False,
    )
    assert set(weights(run)) == set(read_checkpoint(teacher)["state_dict"])


def test_other_classes_or_input_are_refused_before_training(
    train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small, large = tmp_path / "small.ckpt", tmp_path / "large.ckpt"
    arrays_checkpoint(small, (1, 6, 6), "model.net.num_stages=1")
    arrays_checkpoint(large, (1, 8, 8))
    arrays = ["data=arrays", f"data.path={tmp_path / 'large.npz'}"]
    for overrides, message in (
        ([f"teacher={large}"], "the teacher must have the student's classes, 0, 1, 2, 3"),
        ([*arrays, f"teacher={small}"], "the teacher must have the student's input, 1x8x8, but"),
        ([*arrays, f"teacher={large}", "data.permute=true"], "the student's permute, True, but"),
        (["teacher=nowhere"], "there is nothing at nowhere"),
    ):
        with pytest.raises(SystemExit):
            train(*overrides)
        assert message in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_a_task_without_classes_has_no_teacher() -> None:
    signals = SimpleNamespace(
        info=DataInfo((1, 16), 1, ("signal",), "denoising"), metadata={"data": {}}
    )
    with pytest.raises(UserError, match=r"which the task denoising does not have; set teacher"):
        check_teacher(signals, signals, Path("best.ckpt"))  # type: ignore[arg-type]
