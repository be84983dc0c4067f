"""A folder of NIfTI files: pairs, sizes, parts, and every mistake named with its file before
training.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from drawn_volumes import SHAPES, ball, draw_folder, save

from convsweep.data.augment.mirror import RandomMirror
from convsweep.data.sources.nifti_folder import NiftiFolder
from convsweep.errors import UserError


def folder(root: Path, **options: Any) -> NiftiFolder:
    return NiftiFolder(**{"root": str(root), "num_classes": 3, "batch_size": 2, **options})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return draw_folder(tmp_path / "scans")


def test_facts_and_parts(root: Path) -> None:
    data = folder(root)
    assert data.info.in_shape == (1, *(max(sizes) for sizes in zip(*SHAPES, strict=True)))
    assert (data.info.task, data.info.any_size, data.info.class_names) == (
        "segmentation",
        True,
        ("0", "1", "2"),
    )
    assert data.test is not None
    assert (len(data.train), len(data.val), len(data.test)) == (7, 1, 2)
    names = [name for part in (data.train, data.val, data.test) for name in part.names]
    assert sorted(names) == [f"images/case_{i}.nii.gz" for i in range(10)]


def test_volumes_and_masks_are_those_of_the_files(root: Path) -> None:
    train = folder(root, test_fraction=None).train
    for x, y, name in zip(train.x, train.y, train.names, strict=True):
        number = int(name.split("_")[1].split(".")[0])
        image, mask = ball(SHAPES[number % len(SHAPES)], number)
        np.testing.assert_array_equal(x[0], image)
        np.testing.assert_array_equal(y, mask)


def test_statistics_are_those_of_all_positions(root: Path) -> None:
    data = folder(root)
    values = np.concatenate([x.reshape(-1) for x in data.train.x])
    labels = np.concatenate([y.reshape(-1) for y in data.train.y])
    np.testing.assert_allclose(
        [data.mean[0], data.std[0]], [values.mean(), values.std()], rtol=1e-4
    )
    assert data.class_counts.tolist() == np.bincount(labels).tolist()


def test_training_sees_crops_and_evaluation_whole_volumes(root: Path) -> None:
    data = folder(root, crop_size=[6, 8, 6], crops_per_volume=3)
    x, y = next(iter(data.train_dataloader()))
    assert (x.shape, x.dtype, y.shape, y.dtype) == (
        (2, 1, 6, 8, 6),
        torch.float32,
        (2, 6, 8, 6),
        torch.int64,
    )
    assert len(data.train_dataloader()) == 7 * 3 // 2
    whole = list(data.test_dataloader())
    assert data.test is not None
    assert [tuple(x.shape[1:]) for x, _ in whole] == [x.shape for x in data.test.x]
    assert [tuple(y.shape[1:]) for _, y in whole] == [y.shape for y in data.test.y]


@pytest.mark.parametrize("keep", ["memory", "disk"])
def test_crops_are_the_same_with_workers_and_from_disk(root: Path, keep: str) -> None:
    options: dict[str, Any] = {"crop_size": 8, "augment": [RandomMirror()]}
    expected = list(folder(root, **options).train_dataloader())
    found = list(folder(root, **options, keep=keep, num_workers=1).train_dataloader())
    assert len(expected) == len(found)
    for (x, y), (other_x, other_y) in zip(expected, found, strict=True):
        assert torch.equal(x, other_x)
        assert torch.equal(y, other_y)


def test_parts_may_be_folders_or_patterns_and_names_may_have_suffixes(tmp_path: Path) -> None:
    for part, count in (("train", 3), ("val", 1), ("test", 2)):
        for i in range(count):
            image, mask = ball((9, 9, 9), i)
            save(tmp_path / part / "img" / f"{i}_0000.nii", image)
            save(tmp_path / part / "seg" / f"{i}_label.nii.gz", mask)
    suffixes = {"images": "img", "masks": "seg", "image_suffix": "_0000", "mask_suffix": "_label"}
    data = folder(tmp_path, **suffixes)
    assert data.test is not None
    assert (len(data.train), len(data.val), len(data.test)) == (3, 1, 2)
    held = folder(tmp_path / "train", **suffixes, holdout="2_*", val_fraction=0.5)
    assert held.test is not None
    assert held.test.names == ["img/2_0000.nii"]


def test_spacing_makes_volumes_larger_and_masks_stay_classes(root: Path) -> None:
    data = folder(root, spacing=[0.5, 1, 1])
    assert data.info.in_shape == (1, 28, 15, 12)
    assert {int(label) for y in data.train.y for label in np.unique(y)} == {0, 1, 2}


def draw_channels(root: Path, in_files: bool) -> Path:
    """Write the volumes of `draw_folder` with their negative as another channel: in one file, or in
    a file of its own.
    """
    for i in range(6):
        image, mask = ball(SHAPES[i % len(SHAPES)], i)
        save(root / "masks" / f"case_{i}.nii.gz", mask)
        if in_files:
            save(root / "images" / f"case_{i}_0000.nii.gz", image)
            save(root / "images" / f"case_{i}_0001.nii", -image)
        else:
            save(root / "images" / f"case_{i}.nii.gz", np.stack([image, -image], axis=-1))
    return root


@pytest.mark.parametrize("in_files", [False, True])
@pytest.mark.parametrize("keep", ["memory", "disk"])
def test_channels_are_a_fourth_axis_or_files_of_their_own(
    tmp_path: Path, in_files: bool, keep: str
) -> None:
    root = draw_channels(tmp_path / "scans", in_files)
    options: dict[str, Any] = {"image_suffix": ["_0000", "_0001"]} if in_files else {}
    data = folder(root, **options, keep=keep, cache_dir=str(tmp_path / "cache"), crop_size=6)
    assert data.info.in_shape == (2, 6, 6, 6)
    for x, y, name in zip(data.train.x, data.train.y, data.train.names, strict=True):
        number = int(name.split("_")[1].split(".")[0])
        image, mask = ball(SHAPES[number % len(SHAPES)], number)
        np.testing.assert_array_equal(x, np.stack([image, -image]))
        np.testing.assert_array_equal(y, mask)
    assert data.mean[0] == pytest.approx(-data.mean[1], rel=1e-5)
    x, _ = next(iter(data.train_dataloader()))
    assert torch.equal(x[:, 0], -x[:, 1])


def test_a_channel_that_is_missing_or_elsewhere_is_named(tmp_path: Path) -> None:
    root = draw_channels(tmp_path / "scans", in_files=True)
    (root / "images/case_2_0001.nii").unlink()
    save(
        root / "images/case_4_0001.nii",
        np.zeros(SHAPES[4], np.float32),
        np.diag([1.0, 1.0, 2.0, 1.0]),
    )
    with pytest.raises(UserError) as error:
        folder(root, image_suffix=["_0000", "_0001"]).setup()
    missing, elsewhere = str(error.value).splitlines()
    assert "a file for each of _0000, _0001, but 1 of 6" in missing
    assert (
        "images/case_2_0000.nii.gz (no case_2_0001.nii.gz); add it, or set data.image_suffix"
        in missing
    )
    assert "The files of a scan's channels must lie at one place" in elsewhere
    assert "images/case_4_0001.nii (10.0 positions apart)" in elsewhere


def test_a_channel_that_is_cut_off_is_named(tmp_path: Path) -> None:
    root = draw_channels(tmp_path / "scans", in_files=True)
    file = root / "images/case_2_0001.nii"
    file.write_bytes(file.read_bytes()[:-400])
    with pytest.raises(UserError, match=r"must be a whole file, .*images/case_2_0001\.nii \("):
        folder(root, image_suffix=["_0000", "_0001"]).setup()


def spoil_nothing(root: Path) -> None:
    """Leave the folder as it is."""


def remove_mask(root: Path) -> None:
    (root / "masks/case_3.nii.gz").unlink()


def other_shape(root: Path) -> None:
    save(root / "masks/case_3.nii.gz", np.zeros((5, 5, 5), np.uint8))


def other_affine(root: Path) -> None:
    save(root / "masks/case_3.nii.gz", np.zeros(SHAPES[3], np.uint8), np.diag([1.0, 1.0, 2.0, 1.0]))


def other_label(root: Path) -> None:
    save(root / "masks/case_3.nii.gz", np.full(SHAPES[3], 7, np.uint8))


def broken_label(root: Path) -> None:
    save(root / "masks/case_3.nii.gz", np.full(SHAPES[3], 1.5, np.float32))


def truncated(root: Path) -> None:
    file = root / "images/case_3.nii.gz"
    file.write_bytes(file.read_bytes()[:-400])


def four_axes(root: Path) -> None:
    save(root / "images/case_3.nii.gz", np.zeros((*SHAPES[3], 2), np.float32))


def mask_of_channels(root: Path) -> None:
    save(root / "masks/case_3.nii.gz", np.zeros((*SHAPES[3], 2), np.uint8))


def not_a_number(root: Path) -> None:
    save(root / "images/case_3.nii.gz", np.full(SHAPES[3], np.nan, np.float32))


@pytest.mark.parametrize(
    ("spoil", "options", "message"),
    [
        (
            remove_mask,
            {},
            (
                r"needs its mask of the same name, but 1 of 10 .*:"
                r" images/case_3\.nii\.gz;.*data\.mask_suffix"
            ),
        ),
        (
            other_shape,
            {},
            (
                r"A mask and its image must be of one shape.*masks/case_3.nii.gz \(\(5, 5, 5\),"
                r" image \(8, 13, 12\)\)"
            ),
        ),
        (
            other_affine,
            {},
            (
                r"A mask and its image must lie at one place.*masks/case_3.nii.gz \(11\.0 positions"
                r" apart\); resample"
            ),
        ),
        (other_label, {}, r"whole numbers 0 to 2, .*masks/case_3.nii.gz \(7\); .*num_classes"),
        (broken_label, {}, r"whole numbers 0 to 2, .*masks/case_3.nii.gz \(1\.5\)"),
        (truncated, {}, r"must be a whole file, .*images/case_3.nii.gz"),
        (
            four_axes,
            {},
            (
                r"must have as many channels as the first, 1, .*images/case_3.nii.gz \(2\); .*save"
                r" the points of a time series"
            ),
        ),
        (
            mask_of_channels,
            {},
            r"A mask must have three axes, .*masks/case_3.nii.gz \(8x13x12x2\); save the class",
        ),
        (
            spoil_nothing,
            {"image_suffix": ["_x", "_y"]},
            r"must end with one of _x, _y, but 10 of 10 .*case_0\.nii\.gz",
        ),
        (
            spoil_nothing,
            {"image_suffix": ["_0", "_0"]},
            r"image_suffix must be a suffix, or a list of different ones",
        ),
        (not_a_number, {}, r"x must be finite, .*images/case_3.nii.gz"),
        (spoil_nothing, {"images": "scans"}, r"must hold the folder scans"),
        (spoil_nothing, {"num_classes": None}, r"need the number of their classes"),
        (spoil_nothing, {"holdout": "nobody"}, r"\['nobody'\] matches 0 of 10"),
        (
            spoil_nothing,
            {"crop_size": [4, 4]},
            r"crop_size must be null, or one or 3 positive whole numbers",
        ),
        (spoil_nothing, {"spacing": 0}, r"spacing must be null, or one or 3 positive numbers"),
        (spoil_nothing, {"foreground": 2.0}, r"foreground a share from 0 to 1"),
        (spoil_nothing, {"permute": True}, r"data\.permute needs samples of one size"),
    ],
)
def test_mistakes_are_named_before_training(
    root: Path, spoil: Any, options: dict[str, Any], message: str
) -> None:
    spoil(root)
    with pytest.raises(UserError, match=message):
        folder(root, **options).setup()


def test_real_scans_are_read_in_place(shared: Path) -> None:
    """The first published volume: its shape, and the labels that its mask holds."""
    data = folder(
        shared / "Task04_Hippocampus", images="imagesTr", masks="labelsTr", crop_size=[40, 56, 40]
    )
    assert len(data.pairs["train"]) == 260
    (image, mask), *_ = data.open_pairs(data.pairs["train"][:1])
    assert image.shape == mask.shape == (35, 51, 35)
    assert set(np.unique(data.classes_of(mask))) == {0, 1, 2}
