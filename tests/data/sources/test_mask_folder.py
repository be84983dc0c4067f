"""Images and masks paired by name: what is read, and what is said when they do not fit."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from drawn_images import MakeMasks, draw
from PIL import Image

from convsweep.data.sources.mask_folder import MaskFolder
from convsweep.errors import UserError


def folder(root: Path, **options: object) -> MaskFolder:
    return MaskFolder(str(root), **{"batch_size": 2, "coding": "binary", **options})  # type: ignore[arg-type]


def stored(root: Path, name: str, folder: str = "masks") -> np.ndarray:
    return np.asarray(Image.open(root / folder / f"{Path(name).stem}.png"))


def test_a_mask_has_the_name_of_its_image(make_masks: MakeMasks) -> None:
    root = make_masks((0, 1, 2))
    data = folder(root, coding="index", num_classes=3)
    assert (data.info.in_shape, data.info.class_names, data.info.task) == (
        (3, 12, 16),
        ("0", "1", "2"),
        "segmentation",
    )
    assert [len(part) for part in data.ready() if part is not None] == [7, 1, 2]
    for x, y, name in zip(data.train.x, data.train.y, data.train.names, strict=True):
        assert np.array_equal(y, stored(root, name))
        assert np.array_equal(x.transpose(1, 2, 0), np.asarray(Image.open(root / name)))


@pytest.mark.parametrize("values", [(0, 1), (0, 255)])
def test_binary_masks_are_zero_and_one_other_value(
    make_masks: MakeMasks, values: tuple[int, ...]
) -> None:
    root = make_masks(values)
    data = folder(root)
    assert data.info.class_names == ("background", "foreground")
    assert np.array_equal(data.train.y[0], stored(root, data.train.names[0]) > 0)


def test_palette_masks_are_their_indices_and_palette_colours_are_classes(
    make_masks: MakeMasks, tmp_path: Path
) -> None:
    root = make_masks((0, 1, 2))
    colors = np.array([[0, 0, 0], [128, 64, 128], [70, 130, 180]], np.uint8)
    expected = {file.stem: np.asarray(Image.open(file)) for file in (root / "masks").iterdir()}
    for file in (root / "masks").iterdir():
        Image.fromarray(colors[expected[file.stem]]).save(file)
    by_color = folder(
        root,
        coding="rgb",
        palette={"sky": [0, 0, 0], "road": [128, 64, 128], "ignore": [70, 130, 180]},
    )
    assert (by_color.info.class_names, by_color.info.ignore_index) == (("sky", "road"), 255)
    for file in (root / "masks").iterdir():
        indexed = Image.fromarray(expected[file.stem])
        indexed.putpalette(colors.tobytes())
        indexed.save(file)
    by_index = folder(root, coding="index", num_classes=3)
    for name, one, two in zip(
        by_color.train.names, by_color.train.y, by_index.train.y, strict=True
    ):
        assert np.array_equal(two, expected[Path(name).stem])
        assert np.array_equal(one, np.where(two == 2, 255, two))
    assert by_color.class_counts.sum() < by_index.class_counts.sum()


def test_the_ignore_index_is_no_class(make_masks: MakeMasks) -> None:
    data = folder(make_masks((0, 1, 255)), coding="index", num_classes=2, ignore_index=255)
    assert data.class_counts.sum() == (np.asarray(data.train.y) != 255).sum()


@pytest.mark.parametrize("nesting", ["part/images", "images/part"])
def test_divided_folders_in_either_order(
    make_masks: MakeMasks, tmp_path: Path, nesting: str
) -> None:
    source = make_masks()
    for part in ("train", "val", "test"):
        for kind in ("images", "masks"):
            shutil.copytree(
                source / kind,
                tmp_path
                / "divided"
                / (f"{part}/{kind}" if nesting == "part/images" else f"{kind}/{part}"),
            )
    data = folder(tmp_path / "divided")
    assert [len(part) for part in data.ready() if part is not None] == [10, 10, 10]


def test_names_of_folders_and_suffix_of_masks(make_masks: MakeMasks) -> None:
    root = make_masks(masks="label")
    (root / "images").rename(root / "image")
    for file in list((root / "label").iterdir()):
        file.rename(file.with_name(f"{file.stem}_mask.png"))
    assert len(folder(root, images="image", masks="label", mask_suffix="_mask").train) == 7


def test_slices_are_held_out_by_name(make_masks: MakeMasks) -> None:
    data = folder(make_masks(count=30), holdout="2[4-9]", val_fraction=0.125)
    assert data.test is not None
    assert {Path(name).stem for name in data.test.names} == {str(i) for i in range(24, 30)}
    assert [len(data.train), len(data.val)] == [21, 3]


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
def test_masks_go_through_the_geometry_of_their_images(tmp_path: Path, resize: str) -> None:
    for i in range(10):
        mask = np.zeros((20, 40), np.uint8)
        mask[5:15, 12:28] = 1
        for kind, pixels in (("images", mask * 255), ("masks", mask)):
            (tmp_path / kind).mkdir(exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / kind / f"{i}.png")
    data = folder(tmp_path, image_size=16, resize=resize, color="grey")
    x, y = data.train.x[0, 0], data.train.y[0]
    assert set(np.unique(y)) == {0, 1}
    assert x[y == 1].mean() > 200
    assert ((x > 127) == (y == 1)).mean() > 0.95


def test_padding_of_masks_is_ignored_where_that_is_possible(make_masks: MakeMasks) -> None:
    data = folder(
        make_masks((0, 1)),
        coding="index",
        num_classes=2,
        ignore_index=255,
        image_size=16,
        resize="pad",
    )
    assert (np.asarray(data.train.y)[:, :2] == 255).all()
    assert not np.asarray(data.train.x)[:, :, :2].any()


def lose(path: Path) -> None:
    path.unlink()


def break_no_masks(root: Path) -> None:
    (root / "masks").rename(root / "mask")


def break_all_images(root: Path) -> None:
    for kind in ("images", "masks"):
        shutil.rmtree(root / kind)
        (root / kind).mkdir()


def break_mask_size(root: Path) -> None:
    draw(root / "masks" / "4.png", 12, 12, channels=1)


def break_mask_values(root: Path) -> None:
    draw(root / "masks" / "4.png", channels=1)


def break_mask_color(root: Path) -> None:
    draw(root / "masks" / "4.png", channels=3)


def break_truncated(root: Path) -> None:
    draw(root / "images" / "4.png", 100, 100)
    file = root / "images" / "4.png"
    file.write_bytes(file.read_bytes()[:2000])


def break_double(root: Path) -> None:
    draw(root / "images" / "4.jpg")


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (
            shutil.rmtree,
            r"data.root must be a folder with the folders images and masks, but .* does not exist",
        ),
        (
            break_no_masks,
            (
                r"must hold the folder masks, but does not; set data.images and data.masks .*; did"
                r" you mean 'mask'\?"
            ),
        ),
        (break_all_images, r"There must be images to train on"),
        (
            lambda root: lose(root / "masks/4.png"),
            (
                r"Every image needs its mask .* 1 of 10 images .* have none: images/4.png; add the"
                r" masks"
            ),
        ),
        (
            lambda root: lose(root / "images/4.png"),
            (
                r"Every mask needs its image .* 1 of 10 masks .* have none: masks/4.png; add the"
                r" images"
            ),
        ),
        (
            break_mask_size,
            (
                r"A mask must be of its image's size, but 1 of 10 .* images/4.png \(mask 12x12,"
                r" image 12x16\)"
            ),
        ),
        (
            break_mask_values,
            (
                r"Binary masks must hold 0 and one other value.* masks/4.png \(holds .*\);"
                r" threshold the mask"
            ),
        ),
        (break_mask_color, r"Binary masks .* masks/4.png \(colours\); save it as one grey channel"),
        (
            lambda root: (root / "masks/4.png").write_text("no image"),
            r"Every file must be a whole image, .* masks/4.png \(no image\)",
        ),
        (break_truncated, r"Every file must be a whole image, but 1 of 10 .* images/4.png"),
        (
            break_double,
            r"must differ by more than the extension, but .*images holds 4.jpg and 4.png",
        ),
    ],
)
def test_a_broken_folder_is_named(make_masks: MakeMasks, break_it: object, message: str) -> None:
    root = make_masks()
    break_it(root)  # type: ignore[operator]
    with pytest.raises(UserError, match=message):
        folder(root).setup()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"coding": "index"}, r"need the number of their classes; set data.num_classes"),
        (
            {"coding": "index", "num_classes": 2},
            r"a class, 0 to 1, but 10 of 10 .* \(holds 2\).* and 7 more; correct the mask",
        ),
        (
            {"coding": "index", "num_classes": 2, "ignore_index": 7},
            r"0 to 1 or the ignore index 7, but",
        ),
        (
            {"coding": "index", "num_classes": 3, "class_names": ["a"]},
            r"3 classes and data.class_names has 1",
        ),
        ({"coding": "rgb"}, r"need data.palette"),
        (
            {"coding": "rgb", "palette": {"a": [0, 0, 0], "b": [0, 0, 300]}},
            r"three numbers 0 to 255, but b is",
        ),
        ({"coding": "rgb", "palette": {"a": [0, 0, 0], "b": [0, 0, 0]}}, r"colour of its own"),
        (
            {"coding": "rgb", "palette": {"a": [0, 0, 0], "b": [1, 1, 1]}},
            r"colours of data.palette.*holds \[2, 2, 2\].*add the colour",
        ),
        (
            {"coding": "index", "num_classes": 3, "palette": {"a": [0, 0, 0]}},
            r"set data.coding=rgb or data.palette=null",
        ),
        (
            {"coding": "index", "num_classes": 3, "holdout": "z*"},
            r"data.holdout must match .* matches 0 of 10",
        ),
        ({"coding": "index", "num_classes": 3, "holdout": "*"}, r"leave some to train on"),
    ],
)
def test_a_config_that_does_not_fit_the_masks_is_named(
    make_masks: MakeMasks, options: dict[str, object], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        folder(make_masks((0, 1, 2)), **options).setup()
