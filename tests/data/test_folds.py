"""Folds and groups: every sample is validated once, no group lies in two parts."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from convsweep.data.datamodule import DataModule
from convsweep.data.groups import check_apart, group_split, groups_of
from convsweep.data.sources.digits import Digits
from convsweep.data.sources.image_folder import ImageFolder
from convsweep.data.sources.mask_folder import MaskFolder
from convsweep.data.sources.scenes import Scenes
from convsweep.data.splits import stratified_folds
from convsweep.errors import UserError

NAMES = [f"train/{i}" for i in range(103)]
LABELS = np.array([0] * 51 + [1] * 43 + [2] * 9)


def parts(data: DataModule) -> tuple[set[str], set[str], set[str]]:
    assert data.test is not None
    return set(data.train.names), set(data.val.names), set(data.test.names)


def test_folds_hold_their_share_of_every_class_and_of_the_whole() -> None:
    fold_of = stratified_folds(NAMES, LABELS, 5, 0)
    for labels in (LABELS, np.zeros(103, int)):
        counts = np.array([np.bincount(labels[fold_of == fold], minlength=3) for fold in range(5)])
        assert np.ptp(counts, axis=0).max() <= 1


def test_folds_depend_on_names_and_seed_alone() -> None:
    order = np.random.default_rng(0).permutation(103)
    shuffled = stratified_folds([NAMES[i] for i in order], LABELS[order], 5, 0)
    assert shuffled.tolist() == stratified_folds(NAMES, LABELS, 5, 0)[order].tolist()
    assert shuffled.tolist() != stratified_folds(NAMES, LABELS, 5, 1)[order].tolist()


def test_every_digit_is_validated_once_and_the_test_part_is_that_of_a_single_run() -> None:
    folds = [parts(Digits(batch_size=8, num_folds=3, fold=fold)) for fold in range(3)]
    single = parts(Digits(batch_size=8))
    assert sorted(name for _train, val, _test in folds for name in val) == sorted(
        single[0] | single[1]
    )
    assert all(train | val == single[0] | single[1] for train, val, _test in folds)
    assert all(test == single[2] for _train, _val, test in folds)


def test_max_train_takes_nothing_from_the_validation_fold() -> None:
    data = Digits(batch_size=8, num_folds=3, fold=1, max_train=50)
    assert len(data.train) == 50
    assert parts(data)[1] == parts(Digits(batch_size=8, num_folds=3, fold=1))[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_folds": 5}, "data.fold must be one of 0 to 4"),
        ({"num_folds": 5, "fold": 5}, "data.fold must be one of 0 to 4"),
        ({"num_folds": 1, "fold": 0}, "at least 2"),
        ({"fold": 0}, "say data.num_folds=5"),
        ({"num_folds": 5, "fold": 0, "val_fraction": 0.3}, "either a fold or another part"),
    ],
)
def test_contradicting_options_are_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Digits(batch_size=8, **options)


def test_folds_beside_a_validation_part_are_refused() -> None:
    data = Scenes(batch_size=2, num_train=6, num_val=2, num_test=2, num_folds=2, fold=0)
    with pytest.raises(UserError, match="either a fold or another part"):
        data.setup()


def test_fewer_samples_than_folds_are_refused() -> None:
    with pytest.raises(UserError, match=r"lower data\.num_folds"):
        stratified_folds(["a", "b"], None, 3, 0)


def random_groups(sizes: list[int]) -> tuple[list[str], NDArray[np.int64]]:
    rng = np.random.default_rng(0)
    groups = [f"g{number}" for number, size in enumerate(sizes) for _ in range(size)]
    return groups, np.concatenate([rng.binomial(1, rng.uniform(), size) for size in sizes])


def test_groups_are_divided_about_as_evenly_as_by_scikit_learn() -> None:
    from sklearn.model_selection import StratifiedGroupKFold

    groups, labels = random_groups([1 + 7 * i % 23 for i in range(60)])
    ours = group_split(groups, labels, [0.2] * 4, 0)
    theirs = np.empty(len(groups), int)
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0).split(groups, labels, groups)
    for fold, (_train, val) in enumerate(folds):
        theirs[val] = fold

    def unevenness(fold_of: NDArray[np.int64]) -> float:
        counts = [np.bincount(labels[fold_of == fold], minlength=2) for fold in range(5)]
        return float((np.array(counts) / np.bincount(labels)).std(axis=0).mean())

    assert len({(group, fold) for group, fold in zip(groups, ours, strict=True)}) == 60
    assert unevenness(ours) <= 1.5 * unevenness(theirs)


@pytest.mark.parametrize("sizes", [[10] * 10, [50, 1, 1], [1, 2, 4, 8, 16, 32]])
def test_no_part_is_empty_however_large_the_groups(sizes: list[int]) -> None:
    groups, labels = random_groups(sizes)
    assert set(group_split(groups, labels, [0.1, 0.1], 0)) == {0, 1, 2}


def test_fractions_of_groups_are_kept() -> None:
    groups, labels = random_groups([5] * 200)
    shares = np.bincount(group_split(groups, labels, [0.2, 0.1], 0)) / 1000
    assert shares == pytest.approx([0.2, 0.1, 0.7], abs=0.01)


def test_fewer_groups_than_parts_are_refused() -> None:
    with pytest.raises(UserError, match=r"finds 2 \('a', 'b'\) for 3 parts"):
        group_split(["a", "b", "b"], None, [0.3, 0.3], 0)


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ("(", "regular expression"),
        ("patient", "one group in parentheses"),
        (r"(p\d+)_", r"does not match 1 of 2: other\.png"),
    ],
)
def test_patterns_that_find_no_group_are_refused(group: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        groups_of(["p1_0.png", "other.png"], group, str)


def test_given_parts_that_share_a_group_are_refused() -> None:
    with pytest.raises(UserError, match="train and test of the data share p1"):
        check_apart({"train": ["p1", "p2"], "val": ["p3"], "test": ["p1"]})


def draw(path: Path, value: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((4, 4), value, np.uint8)).save(path)


def patients(name: str) -> set[str]:
    return {part for part in name.replace("_", "/").split("/") if part.startswith("patient")}


@pytest.mark.parametrize("folds", [{}, {"num_folds": 3, "fold": 2}])
@pytest.mark.parametrize("group", ["folder", r"(patient\d+)/"])
def test_no_patient_of_a_class_folder_is_in_two_parts(
    tmp_path: Path, group: str, folds: dict[str, int]
) -> None:
    for label in ("healthy", "ill"):
        for patient in range(6):
            for number in range(2):
                draw(tmp_path / label / f"patient{patient}" / f"{number}.png", patient)
    data = ImageFolder(str(tmp_path), batch_size=2, group=group, **folds)
    train, val, test = (set().union(*map(patients, part)) for part in parts(data))
    assert len(train) + len(val) + len(test) == 6 == len(train | val | test)


def test_masks_are_divided_by_group_and_into_folds(tmp_path: Path) -> None:
    for patient in range(4):
        for number in range(2):
            for kind in ("images", "masks"):
                draw(tmp_path / kind / f"patient{patient}_{number}.png", number)

    def names(fold: int) -> tuple[set[str], set[str]]:
        data = MaskFolder(
            str(tmp_path),
            num_classes=2,
            batch_size=2,
            num_folds=4,
            fold=fold,
            test_fraction=None,
            group=r"(patient\d)_",
        )
        return set(data.train.names), set(data.val.names)

    found = [names(fold) for fold in range(4)]
    assert all(len(val) == 2 and len(train) == 6 for train, val in found)
    assert set.union(*[val for _train, val in found]) == found[0][0] | found[0][1]
