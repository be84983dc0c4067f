"""A look at folders with planted faults: each is named."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from convsweep.errors import UserError
from convsweep.planning.decisions import Decisions
from convsweep.planning.given import parse_given
from convsweep.planning.look.look import Look
from convsweep.planning.look.mirror import tell_mirrored
from convsweep.planning.look.words import answer_text, look_rows
from convsweep.planning.reading import decide_decoding, decide_parts, make_look
from convsweep.planning.rules.masks import decide_classes
from convsweep.task import CLASSIFICATION, DENOISING, MULTI_LABEL, SEGMENTATION


def draw(path: Path, height: int = 12, width: int = 16, seed: int | str = 0) -> None:
    """Write an image of random pixels; the same name and seed give the same pixels."""
    rng = np.random.default_rng(list(f"{path.name}{seed}".encode()))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8)).save(path)


def look(root: Path, *overrides: str) -> Look:
    return make_look(parse_given(["data=image_folder", f"data.root={root}", *overrides]))[1]


def make_folder(root: Path, count: int = 12) -> Path:
    for part in ("train", "test"):
        for name in ("cat", "dog"):
            for number in range(count):
                draw(root / part / name / f"{number}.png", seed=f"{part}{name}")
    return root


def text_of(found: Look) -> str:
    return "\n".join(f"{fault.kind}: {fault.text}" for fault in found.faults)


def test_a_clean_folder_has_no_faults(tmp_path: Path) -> None:
    found = look(make_folder(tmp_path))
    assert found.faults == []
    assert sum(found.num_samples.values()) == 48
    assert found.num_samples["test"] == 24
    assert found.counts == [24, 24]
    assert found.in_shape == [3, 12, 16]


def test_planted_faults_are_named(tmp_path: Path) -> None:
    root = make_folder(tmp_path)
    (root / "test/cat/leak.png").write_bytes((root / "train/cat/3.png").read_bytes())
    (root / "train/dog/wrong.png").write_bytes((root / "train/cat/5.png").read_bytes())
    draw(root / "train/cat/large.png", height=24, width=32)
    Image.fromarray(np.full((12, 16), 255, np.uint8)).save(root / "train/dog/white.png")
    again = np.asarray(Image.open(root / "train/cat/7.png")).astype(int) + 2
    Image.fromarray(again.clip(0, 255).astype(np.uint8)).save(root / "train/cat/brighter.png")
    found = text_of(look(root))
    assert "equal samples in two parts" in found
    assert "test/cat/leak.png" in found
    assert "equal samples in two classes" in found
    assert "train/dog/wrong.png" in found
    assert (
        "size: 1 file of another size than the rest (12x16): train/cat/large.png (24x32)" in found
    )
    assert (
        "colour: 1 file of another colour than the rest (rgb): train/dog/white.png (grey)" in found
    )
    assert "constant: 1 sample of one value only: train/dog/white.png" in found
    assert "brightness: 1 sample of other brightness than the rest" in found
    assert "train/cat/brighter.png" in found.partition("nearly equal samples")[2]


def test_masks_of_one_class_are_named(tmp_path: Path) -> None:
    for number in range(8):
        draw(tmp_path / "images" / f"{number}.png")
        mask = np.zeros((12, 16), np.uint8)
        mask[:6] = 255 * (number != 3)
        (tmp_path / "masks").mkdir(exist_ok=True)
        Image.fromarray(mask).save(tmp_path / "masks" / f"{number}.png")
    decisions, found, _ = make_look(parse_given(["data=mask_folder", f"data.root={tmp_path}"]))
    assert decisions.get("data.coding") == "binary"
    assert "1 mask of one class only: images/3.png" in text_of(found)


def test_masks_in_the_folders_of_parts_are_no_images(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for number in range(3):
            image, mask = (tmp_path / part / name / f"{number}.png" for name in ("images", "masks"))
            for file in (image, mask):
                file.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (16, 12), "red").save(mask)
            Image.fromarray(np.full((12, 16), number, np.uint8)).save(image)
    decisions = Decisions(parse_given(["data=mask_folder", f"data.root={tmp_path}"]))
    headers, _ = decide_decoding(decisions)
    assert {header.color for header in headers} == {"grey"}
    assert len(headers) == 6
    assert decisions.get("data.color") is None


def test_an_image_with_two_masks_is_named(tmp_path: Path) -> None:
    for number in range(8):
        draw(tmp_path / "images" / f"{number}.png")
        (tmp_path / "masks").mkdir(exist_ok=True)
        mask = np.arange(12 * 16, dtype=np.uint8).reshape(12, 16) % (number + 2) == 0
        Image.fromarray(mask.astype(np.uint8)).save(tmp_path / "masks" / f"{number}.png")
    (tmp_path / "images/6.png").write_bytes((tmp_path / "images/1.png").read_bytes())
    (tmp_path / "images/7.png").write_bytes((tmp_path / "images/2.png").read_bytes())
    (tmp_path / "masks/7.png").write_bytes((tmp_path / "masks/2.png").read_bytes())
    found = text_of(make_look(parse_given(["data=mask_folder", f"data.root={tmp_path}"]))[1])
    differ = found.partition("equal samples with different targets")[2].partition("\n")[0]
    assert "images/1.png" in differ
    assert "images/6.png" in differ
    assert "images/2.png" not in differ


def test_the_look_at_a_table_has_its_numbers_and_unreadable_files(tmp_path: Path) -> None:
    for number in range(9):
        draw(tmp_path / f"{number}.png")
    (tmp_path / "4.png").write_text("no image")
    rows = "\n".join(f"{number}.png,{10 * number}" for number in range(9))
    (tmp_path / "labels.csv").write_text(f"file,age\n{rows}")
    given = ["data=image_table", f"data.root={tmp_path}", "data.on_unreadable=skip"]
    found = make_look(parse_given(given))[1]
    assert dict(look_rows(found))["numbers"] == "age 0 to 80 (median 40)"
    assert answer_text(found) == "age (in the data 0 to 80)"
    assert text_of(found) == "unreadable: 1 file cannot be read: 4.png; left out"


@pytest.mark.parametrize(
    ("task", "text"),
    [
        (CLASSIFICATION, "a, b"),
        (SEGMENTATION, "one of these at each position: a, b"),
        (MULTI_LABEL, "any number of these, or none: a, b"),
        (DENOISING, "a sample of the input's shape"),
    ],
)
def test_what_a_network_answers_is_said(task: str, text: str) -> None:
    assert answer_text(Look(task, [1, 8, 8], ["a", "b"], {"train": 9})) == text


def test_recordings_keep_a_sample_rate_below_the_default(tmp_path: Path) -> None:
    for number, rate in enumerate([8000, 8000, 22050]):
        wave = np.sin(np.arange(rate // 2) * (number + 1) / 9)
        soundfile.write(tmp_path / f"{number}.wav", wave, rate)
    decisions = Decisions(parse_given(["data=audio_folder", f"data.root={tmp_path}"]))
    decide_decoding(decisions)
    assert decisions.get("data.sample_rate_hz") == 8000


def test_crops_are_as_large_as_volumes_after_resampling(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
        for number in range(6):
            thick = 4.0 if number < 2 else 2.0
            values = np.random.default_rng(number).integers(0, 2, (16, 16, 12), np.uint8)
            affine = np.diag([1.0, 1.0, thick, 1.0])
            file = tmp_path / folder / f"{number}.nii"
            nibabel.Nifti1Image(values, affine).to_filename(file)
    given = ["data=nifti_folder", f"data.root={tmp_path}", "data.num_classes=2"]
    decisions = Decisions(parse_given([*given, "data.spacing=[1,1,1]"]))
    decide_parts(decisions)
    assert sorted(decisions.get("data.crop_size")) == [16, 16, 24]  # 12 slices of 2 mm


@pytest.mark.parametrize(
    ("images", "axis", "is_alike"),
    [
        (np.random.default_rng(0).normal(size=(400, 12, 12)), 2, True),
        (np.arange(12.0) + np.random.default_rng(0).normal(size=(400, 12, 12)), 2, False),
        (np.arange(12.0) + np.random.default_rng(0).normal(size=(400, 12, 12)), 1, True),
        (np.random.default_rng(0).normal(size=(20, 12, 12)), 2, False),  # too few to say
    ],
)
def test_mirror_images_are_told_if_samples_have_a_direction(
    images: np.ndarray, axis: int, is_alike: bool
) -> None:
    assert tell_mirrored(images.astype(np.float32), axis, None).is_alike is is_alike


def test_letters_that_mirror_into_each_other_have_a_direction_by_class() -> None:
    noise = np.random.default_rng(0).normal(size=(400, 12, 12)).astype(np.float32)
    labels = np.arange(400) // 2 % 2
    slopes = np.where(labels == 1, 1.0, -1.0)[:, None, None] * np.arange(12, dtype=np.float32)
    images = (noise + slopes).astype(np.float32)
    assert tell_mirrored(images, 2, None).is_alike
    assert tell_mirrored(images, 2, labels).accuracy > 0.95


def test_a_class_with_one_picture_is_refused_by_name(tmp_path: Path) -> None:
    for number in range(6):
        draw(tmp_path / "cat" / f"{number}.png")
    draw(tmp_path / "dog" / "only.png", seed=1)
    with pytest.raises(UserError, match=r"at least two samples.*dog has one \(dog/only.png\)"):
        look(tmp_path)


def test_three_samples_are_refused(tmp_path: Path) -> None:
    for number in range(3):
        draw(tmp_path / "abc"[number] / "1.png", seed=number)
    with pytest.raises(UserError, match=r"at least 5 samples .* holds 3"):
        look(tmp_path)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 255], {"data.coding": "binary"}),
        ([0, 1, 2], {"data.num_classes": 3}),
        ([0, 1, 4, 255], {"data.num_classes": 5, "data.ignore_index": 255}),
        (
            [0, 128, 255],
            {
                "data.coding": "rgb",
                "data.palette": {f"grey_{grey}": [grey] * 3 for grey in (0, 128, 255)},
            },
        ),
        (
            [[0, 0, 0], [255, 0, 9]],
            {
                "data.coding": "rgb",
                "data.palette": {"color_0_0_0": [0, 0, 0], "color_255_0_9": [255, 0, 9]},
            },
        ),
    ],
)
def test_classes_of_masks_follow_from_their_values(
    tmp_path: Path, values: list[Any], expected: dict[str, object]
) -> None:
    (tmp_path / "masks").mkdir()
    Image.fromarray(np.array([values] * 4, np.uint8)).save(tmp_path / "masks/1.png")
    decisions = Decisions(parse_given(["data=mask_folder", f"data.root={tmp_path}"]))
    decide_classes(decisions, dict(decisions.given.compose().data), tmp_path)
    made = {each.key: each.value for each in decisions if not each.is_given}
    assert made == expected


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([*[0] * 80, *[255] * 20, *range(1, 33)], r"as after JPEG.*: 0 in 80 positions \(60.6%\)"),
        ([*[0] * 8, 999, 1400], r"0 to 2, but hold 3 values up to 1400.* number the classes"),
    ],
)
def test_masks_whose_values_are_no_classes_are_refused_with_a_legend(
    tmp_path: Path, values: list[int], message: str
) -> None:
    (tmp_path / "masks").mkdir()
    Image.fromarray(np.array([values], np.int32)).save(tmp_path / "masks/1.tif")
    decisions = Decisions(parse_given(["data=mask_folder", f"data.root={tmp_path}"]))
    config = dict(decisions.given.compose().data)
    if max(values) > 255:
        del config["coding"]  # label maps of volumes have no palette
    with pytest.raises(UserError, match=message):
        decide_classes(decisions, config, tmp_path)
