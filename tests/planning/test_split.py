"""What a plan validates on, with and without folds that the user gave."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convsweep.errors import UserError
from convsweep.planning.decisions import Decisions
from convsweep.planning.given import parse_given
from convsweep.planning.reading import decide_parts


@pytest.mark.parametrize(
    ("count", "given", "num_folds", "fold", "val_fraction"),
    [
        (100, [], 5, 0, None),
        (500, [], None, None, 0.2),
        (500, ["data.num_folds=5", "data.fold=1"], 5, 1, None),
        (500, ["data.num_folds=5"], 5, 0, None),
        (100, ["data.num_folds=3"], 3, 0, None),
        (100, ["data.num_folds=null"], None, None, 0.2),
        (100, ["data.fold=null"], None, None, 0.2),
    ],
)
def test_folds_and_fractions_exclude_each_other(
    tmp_path: Path,
    count: int,
    given: list[str],
    num_folds: int | None,
    fold: int | None,
    val_fraction: float | None,
) -> None:
    file = tmp_path / "data.npz"
    np.savez(file, x=np.zeros((count, 1, 8, 8), np.uint8), y=np.arange(count) % 2)
    decisions = Decisions(parse_given(["data=arrays", f"data.path={file}", *given]))
    data = decide_parts(decisions)
    assert data.loading["num_folds"] == num_folds
    assert data.loading["fold"] == fold
    assert decisions.get("data.val_fraction") == val_fraction


@pytest.mark.parametrize(("patients", "num_folds"), [(9, 5), (4, 3), (3, 2), (2, None)])
def test_each_fold_has_a_group(tmp_path: Path, patients: int, num_folds: int | None) -> None:
    for number in range(96):
        folder = tmp_path / "photos" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        image = Image.new("L", (8, 8), number)
        image.save(folder / f"patient{number // 2 % patients}_{number}.png")
    words = ["data=image_folder", f"data.root={tmp_path / 'photos'}", "data.group='(patient\\d)_'"]
    decisions = Decisions(parse_given(words))
    if num_folds is None:
        with pytest.raises(UserError, match=r"at least two groups beside the test part, .* leaves"):
            decide_parts(decisions)
        return
    data = decide_parts(decisions)
    assert data.loading["num_folds"] == num_folds
    data.setup()
