"""A folder a class: what is read, and what is said when the folder is not as it should be."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from drawn_images import draw
from PIL import Image

from convsweep.data.sources.image_folder import ImageFolder
from convsweep.errors import UserError


def folder(root: Path, **options: object) -> ImageFolder:
    return ImageFolder(str(root), batch_size=4, **options)  # type: ignore[arg-type]


def test_the_folder_is_the_label(class_root: Path) -> None:
    data = folder(class_root)
    assert (data.info.in_shape, data.info.class_names, data.info.task) == (
        (3, 12, 16),
        ("cat", "dog"),
        "classification",
    )
    for samples in (data.train, data.val, data.test):
        assert samples is not None
        for x, y, name in zip(samples.x, samples.y, samples.names, strict=True):
            assert name.split("/")[0] == data.info.class_names[y]
            assert np.array_equal(x.transpose(1, 2, 0), np.asarray(Image.open(class_root / name)))


def test_describing_reads_one_image_only(class_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    original = Image.open
    monkeypatch.setattr(
        Image, "open", lambda path, *a, **k: opened.append(path) or original(path, *a, **k)
    )
    folder(class_root).describe()
    assert len(opened) == 1


@pytest.mark.parametrize("names", [("train", "val", "test"), ("Training", "valid", "testing")])
def test_divided_folders_are_taken_as_they_are(
    class_root: Path, tmp_path: Path, names: tuple[str, ...]
) -> None:
    for name in names:
        shutil.copytree(class_root, tmp_path / "divided" / name)
    data = folder(tmp_path / "divided")
    assert data.test is not None
    assert [len(data.train), len(data.val), len(data.test)] == [20, 20, 20]
    assert data.test.names[0].startswith(names[2])


def test_without_a_validation_folder_one_is_split_off_train(
    class_root: Path, tmp_path: Path
) -> None:
    for name in ("train", "test"):
        shutil.copytree(class_root, tmp_path / "divided" / name)
    data = folder(tmp_path / "divided", val_fraction=0.2)
    assert data.test is not None
    assert [len(data.train), len(data.val), len(data.test)] == [16, 4, 20]


def test_hidden_files_and_other_files_are_no_images(class_root: Path) -> None:
    (class_root / ".DS_Store").write_text("x")
    (class_root / "__MACOSX").mkdir()
    (class_root / "cat" / "notes.txt").write_text("x")
    (class_root / "README.md").write_text("x")
    assert sum(len(part) for part in folder(class_root).ready() if part is not None) == 20


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
def test_images_of_any_size_become_one_size(class_root: Path, resize: str) -> None:
    draw(class_root / "cat" / "large.png", 40, 30)
    data = folder(class_root, image_size=[10, 14], resize=resize)
    assert data.info.in_shape == data.train.x.shape[1:] == (3, 10, 14)


def test_padding_is_black_and_cropping_takes_the_middle(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / "wide" / name).mkdir(parents=True)
        pixels = np.zeros((10, 30), np.uint8)
        pixels[:, 10:20] = 200
        for i in range(4):
            Image.fromarray(pixels).save(tmp_path / "wide" / name / f"{i}.png")
    cropped = folder(tmp_path / "wide", image_size=10, resize="crop").train.x
    padded = folder(tmp_path / "wide", image_size=30, resize="pad").train.x
    assert (cropped == 200).all()
    assert (padded[:, :, 10:20, 12:18] == 200).all()
    assert not padded[:, :, :10].any()


@pytest.mark.parametrize(("color", "channels"), [("grey", 1), ("rgb", 3)])
def test_colour_can_be_settled(class_root: Path, color: str, channels: int) -> None:
    draw(class_root / "dog" / "grey.png", channels=1)
    assert folder(class_root, color=color).train.x.shape[1] == channels


def test_sixteen_bits_keep_their_upper_half(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / "deep" / name).mkdir(parents=True)
        for i in range(3):
            Image.fromarray(np.full((4, 4), 0xAB00 + i, np.uint16)).save(
                tmp_path / "deep" / name / f"{i}.png"
            )
    assert (np.asarray(folder(tmp_path / "deep").train.x) == 0xAB).all()


def deep_folder(root: Path, *values: int) -> Path:
    """Write a class folder each for cats and dogs, of 16-bit images that hold one of these values
    each.
    """
    for name in ("cat", "dog"):
        (root / name).mkdir(parents=True)
        for number, value in enumerate(values * 4):
            Image.fromarray(np.full((4, 4), value, np.uint16)).save(root / name / f"{number}.png")
    return root


@pytest.mark.parametrize(
    ("white", "levels"),
    [(65535, {0, 4, 15, 19}), (4095, {0, 64, 255}), (1023, {0, 255}), (4999, {0, 52, 209, 255})],
)
def test_white_is_the_value_that_becomes_255(tmp_path: Path, white: int, levels: set[int]) -> None:
    data = folder(
        deep_folder(tmp_path / "deep", 0, 1024, 4095, 4999), white=white, val_fraction=0.25
    )
    assert (
        set(np.concatenate([part.x for part in data.ready() if part is not None]).ravel()) == levels
    )


@pytest.mark.parametrize(
    ("brightest", "words"),
    [
        (255, "keep 1 of 256 levels, .* none is brighter than 255; set data.white=255"),
        (
            4080,
            (
                "keep 16 of 256 levels, as data.white is 65535 and none is brighter than 4095; set"
                " data.white=4095"
            ),
        ),
        (16383, "keep 64 of 256 levels, .* set data.white=16383"),
        (16384, None),
    ],
)
def test_dim_images_of_sixteen_bits_name_a_better_white(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, brightest: int, words: str | None
) -> None:
    root = deep_folder(tmp_path / "deep", 0, brightest)
    folder(root).setup()
    assert re.search(words, caplog.text) if words else not caplog.text
    caplog.clear()
    folder(root, white=brightest).setup()
    assert not caplog.text


def test_dim_images_of_eight_bits_are_whole_and_need_no_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("cat", "dog"):
        (tmp_path / "dim" / name).mkdir(parents=True)
        for i in range(4):
            Image.fromarray(np.full((4, 4), 3, np.uint8)).save(tmp_path / "dim" / name / f"{i}.png")
    folder(tmp_path / "dim").setup()
    assert not caplog.text


@pytest.mark.parametrize("white", [0, -1, 65536, None, "bright", 0.5])
def test_white_is_a_value_of_sixteen_bits(class_root: Path, white: object) -> None:
    with pytest.raises(
        UserError, match=rf"data.white must be a value of 16-bit images, 1 to 65535, but is {white}"
    ):
        folder(class_root, white=white)


def test_a_tiff_may_carry_a_preview(class_root: Path) -> None:
    large, preview = (
        Image.fromarray(np.full((height, height, 3), 7, np.uint8)) for height in (12, 6)
    )
    large.resize((16, 12)).save(
        class_root / "cat" / "0.tif", save_all=True, append_images=[preview]
    )
    samples = np.concatenate([part.x for part in folder(class_root).ready() if part is not None])
    assert samples.shape == (21, 3, 12, 16)
    assert (samples == 7).all(axis=(1, 2, 3)).sum() == 1


def break_missing(root: Path) -> None:
    shutil.rmtree(root)


def break_empty(root: Path) -> None:
    break_missing(root)
    root.mkdir()


def break_file(root: Path) -> None:
    break_missing(root)
    root.write_text("x")


def break_loose(root: Path) -> None:
    break_empty(root)
    draw(root / "0.png")


def break_single_class(root: Path) -> None:
    shutil.rmtree(root / "dog")


def break_empty_class(root: Path) -> None:
    (root / "fox").mkdir()


def break_truncated(root: Path) -> None:
    for name in ("3.png", "5.png", "7.png", "9.png"):
        file = root / "dog" / name
        file.write_bytes(file.read_bytes()[:-200])


def break_no_image(root: Path) -> None:
    (root / "dog" / "3.png").write_text("this is no image")


def break_first(root: Path) -> None:
    (root / "cat" / "0.png").write_text("this is no image")


def break_color(root: Path) -> None:
    draw(root / "dog" / "3.png", channels=1)


def break_size(root: Path) -> None:
    draw(root / "dog" / "3.png", 20, 20)


def break_fractions(root: Path) -> None:
    Image.fromarray(np.full((12, 16), 0.5, np.float32)).save(root / "dog" / "3.tif")


def break_stack(root: Path) -> None:
    pages = [Image.fromarray(np.full((12, 16, 3), page, np.uint8)) for page in range(3)]
    pages[0].save(root / "dog" / "3.tif", save_all=True, append_images=pages[1:])


def break_split_name(root: Path) -> None:
    shutil.copytree(root, root / "train")
    shutil.rmtree(root / "cat")
    (root / "dog").rename(root / "validatoin")


def break_strange_class(root: Path) -> None:
    shutil.copytree(root, root / "train")
    (root / "val").mkdir()
    (root / "cat").rename(root / "val" / "cat")
    (root / "dog").rename(root / "val" / "wolf")


def break_doubled_part(root: Path) -> None:
    (root / "cat").rename(root / "train")
    (root / "dog").rename(root / "training")


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (
            break_missing,
            r"data.root must be a folder with one folder of images a class .* does not exist",
        ),
        (break_empty, r"animals is empty; put your files there"),
        (break_file, r"animals is a file; name the folder that holds it"),
        (
            break_loose,
            (
                r"one folder a class, but .*animals holds 1 images and no folder; make"
                r" animals/CLASS/IMAGE.png"
            ),
        ),
        (
            break_single_class,
            r"two or more, but the data has 1 \(cat\); add samples of another class",
        ),
        (
            break_empty_class,
            (
                r"Every class folder must hold an image .* none in fox; add images or remove the"
                r" folder"
            ),
        ),
        (
            break_truncated,
            (
                r"Every file must be a whole image, but 4 of 20 .* dog/3.png \(.*truncated.*\), .*"
                r" and 1 more; replace or remove"
            ),
        ),
        (
            break_no_image,
            r"whole image, but 1 of 20 in .* is not: dog/3.png \(no image\); replace or remove it",
        ),
        (break_first, r"whole image, but 1 of 1 in .* is not: cat/0.png \(no image\)"),
        (
            break_color,
            (
                r"All images must be rgb as the first is, but 1 of 20 .* dog/3.png \(grey\); set"
                r" data.color"
            ),
        ),
        (
            break_size,
            (
                r"one size, 12x16 as the first, where data.image_size is null, but 1 .* dog/3.png"
                r" \(20x20\); set data.image_size"
            ),
        ),
        (
            break_fractions,
            (
                r"must hold whole numbers, but 1 of 21 .* dog/3.tif \(32-bit fractions\); save it"
                r" with 8 or 16 bits"
            ),
        ),
        (
            break_stack,
            (
                r"must be one picture, but 1 of 21 .* dog/3.tif \(3 pages\); save each page as a"
                r" file of its own"
            ),
        ),
        (
            break_split_name,
            (
                r"only val and test, but .* holds validatoin; rename or move it; did you mean"
                r" 'validation'\?"
            ),
        ),
        (break_strange_class, r"val has wolf, which .*train has not"),
        (break_doubled_part, r"one folder, but .* holds train and training; merge them"),
    ],
)
def test_a_broken_folder_is_named(class_root: Path, break_it: object, message: str) -> None:
    break_it(class_root)  # type: ignore[operator]
    with pytest.raises(UserError, match=message):
        folder(class_root).setup()


def test_values_beyond_16_bits_are_refused(class_root: Path) -> None:
    values = np.linspace(-1000, 70000, 192).reshape(12, 16).astype(np.int32)
    Image.fromarray(values).save(class_root / "dog" / "3.tif")
    with pytest.raises(
        UserError,
        match=r"values of 0 to 65,535, but 1 of 21 .* dog/3.tif \(-1,000 to 70,000\); scale it",
    ):
        folder(class_root, color="grey").setup()


@pytest.mark.parametrize("image_size", [0, [8], [8, 8, 8], "8"])
def test_an_image_size_is_one_or_two_numbers(class_root: Path, image_size: object) -> None:
    with pytest.raises(
        UserError, match=r"data\.image_size must be null, or one or 2 positive whole numbers"
    ):
        folder(class_root, image_size=image_size)
