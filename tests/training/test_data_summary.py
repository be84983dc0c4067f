"""What a training has is said before it begins, and what makes its scores doubtful."""

from pathlib import Path

import numpy as np

from convsweep.data.sources.arrays import Arrays
from convsweep.training.data_summary import summary_lines

MIB = 2**20


def lines_of(folder: Path, counts: list[int], **loading: object) -> list[str]:
    """Return the lines for so many samples of each class."""
    labels = np.repeat(np.arange(len(counts)), counts)
    np.savez(folder / "data.npz", x=np.zeros((len(labels), 4, 4), np.uint8), y=labels)
    data = Arrays(str(folder / "data.npz"), test_fraction=None, **loading)  # type: ignore[arg-type]
    data.setup()
    return summary_lines(data, 3 * MIB, 2 * MIB, "cpu")


def test_small_data_is_warned_of(tmp_path: Path) -> None:
    data, steps, *warnings = lines_of(tmp_path, [30, 30, 1], batch_size=64, min_steps_per_epoch=10)
    rest = "no test part; 3 classes, the smallest in training 2 with 1"
    assert data == f"data: 55 training, 6 validation, {rest}"
    assert steps.startswith("10 steps an epoch in 10 passes over the samples; a step of 64 takes")
    said = " ".join(warnings)
    for fact in (
        "6 validation samples are few: one is 17% of a score",
        "a pass over the training samples has 1 step;",
        "fewer than 5 training samples of 2",
        "the validation part has no sample of 2",
        "a training step takes about 3 MiB, but 2 MiB are free",
    ):
        assert fact in said, warnings


def test_validation_on_the_training_samples_is_called_so(tmp_path: Path) -> None:
    data, _, warning, _ = lines_of(tmp_path, [200, 200], batch_size=8, val_fraction=None)
    assert data.startswith("data: 400 training, no test part")
    assert "val/... are scores of what was trained on" in warning


def test_validation_samples_that_are_trained_on_are_called_so(tmp_path: Path) -> None:
    data, *_ = lines_of(tmp_path, [200, 200], batch_size=8, val_fraction=0.25, train_on_val=True)
    said = "of which 100 validation (val/... are scores of what is trained on)"
    assert data.startswith(f"data: 400 training, {said}, no test part")


def test_a_small_fold_is_validated_in_turn_with_the_others(tmp_path: Path) -> None:
    _, _, warning, *_ = lines_of(tmp_path, [30, 30], batch_size=8, num_folds=4, fold=0)
    assert "all in turn by data.fold=0,1,2,3 (-m)" in warning
    assert "data.val_fraction" not in warning
