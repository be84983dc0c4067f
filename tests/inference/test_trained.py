"""A trained network is loaded from a checkpoint, a run or a sweep, with averaged weights if there
are any.
"""

from pathlib import Path

import pytest
import torch

from convsweep.errors import UserError
from convsweep.training.trained import checkpoint_of, load_trained
from hydra_study.paths import SweepPaths
from tests.conftest import Train


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_checkpoint_run_and_sweep_are_found(tmp_path: Path) -> None:
    best = touch(tmp_path / "run" / "checkpoints" / "best.ckpt")
    assert checkpoint_of(best) == checkpoint_of(tmp_path / "run") == best
    sweep = tmp_path / "sweep"
    trials = [touch(sweep / str(number) / "checkpoints" / "best.ckpt") for number in range(12)]
    touch(SweepPaths(sweep).journal)
    with pytest.raises(UserError, match="has no complete trial yet"):
        checkpoint_of(sweep)
    SweepPaths(sweep).preset.write_text(
        "# Trial 11 of study depth: val/accuracy 0.99\ndefaults: []\n"
    )
    assert checkpoint_of(sweep) == trials[11]
    trials[11].unlink()
    with pytest.raises(UserError, match="trial 11, has no checkpoint"):
        checkpoint_of(sweep)


def test_the_address_of_a_study_is_no_folder() -> None:
    with pytest.raises(
        UserError,
        match=(
            r"but postgresql:/+me@host/studies is the address of a study; name its sweep's folder"
        ),
    ):
        checkpoint_of(Path("postgresql://me@host/studies"))


def test_a_misspelt_folder_is_answered_by_the_one_beside_it(tmp_path: Path) -> None:
    (tmp_path / "depth_kernel_digits").mkdir()
    with pytest.raises(
        UserError, match=r"nothing at .*/depth_kernel; did you mean .*/depth_kernel_digits\?"
    ):
        checkpoint_of(tmp_path / "depth_kernel")
    with pytest.raises(UserError, match=r"nothing at .*/gone/a$"):
        checkpoint_of(tmp_path / "gone" / "a")


def test_folder_of_runs_names_its_checkpoints(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no checkpoint lies below it"):
        checkpoint_of(tmp_path)
    touch(tmp_path / "a" / "checkpoints" / "best.ckpt")
    with pytest.raises(
        UserError, match=r"name one of the 1 that lie below it, such as .*a/checkpoints/best.ckpt"
    ):
        checkpoint_of(tmp_path)


def test_averaged_weights_are_the_ones_that_are_used(train: Train) -> None:
    folder = train("callbacks=ema", "callbacks.weight_averaging.decay=0.5")
    kept = torch.load(folder / "checkpoints" / "best.ckpt", weights_only=True)
    used = load_trained(folder).model.state_dict()
    name = next(name for name in used if name.startswith("net.") and name.endswith("weight"))
    assert torch.equal(used[name], kept["state_dict"][name])
    assert not torch.equal(used[name], kept["current_model_state"][name])
