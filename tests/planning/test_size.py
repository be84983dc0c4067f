"""The size and colour of images, by their files."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convsweep.data.files.images import WHITE
from convsweep.planning.decisions import Decisions
from convsweep.planning.given import parse_given
from convsweep.planning.look.image_files import ImageFile, image_header
from convsweep.planning.reading import decide_decoding
from convsweep.planning.rules.size import decide_size

SMALL, MIDDLE, LARGE = (40, 60), (448, 300), (3024, 4032)


def decided(
    sizes: list[tuple[int, int]],
    has_masks: bool = False,
    color: str = "rgb",
    can_crop: bool = False,
    given: tuple[str, ...] = (),
) -> Decisions:
    headers = [ImageFile("1.png", size, "rgb") for size in sizes]
    headers[0] = ImageFile("1.png", sizes[0], color)
    decisions = Decisions(parse_given(["data=image_folder", "data.root=photos", *given]))
    decide_size(decisions, headers, has_masks, can_crop)
    return decisions


@pytest.mark.parametrize(
    ("sizes", "has_masks", "expected"),
    [
        ([MIDDLE] * 20, False, None),
        ([LARGE] * 20, False, [224, 224]),
        ([LARGE] * 20, True, None),
        ([MIDDLE] * 19 + [SMALL], False, [448, 300]),
        ([LARGE] * 19 + [SMALL], False, [224, 224]),
        ([LARGE] * 19 + [SMALL], True, [3024, 4032]),
        ([SMALL] * 17 + [LARGE] * 3, False, [32, 64]),  # 2.5 and 3.75 times 16
        ([LARGE] * 17 + [SMALL] * 3, False, [224, 224]),
        ([LARGE] * 17 + [SMALL] * 3, True, [3024, 4032]),
    ],
)
def test_images_keep_their_size_within_limits(
    sizes: list[tuple[int, int]], has_masks: bool, expected: list[int] | None
) -> None:
    assert decided(sizes, has_masks).get("data.image_size") == expected


def test_files_of_two_colours_become_rgb() -> None:
    assert decided([SMALL] * 2).get("data.color") is None
    assert decided([SMALL] * 2, color="grey").get("data.color") == "rgb"


@pytest.mark.parametrize(
    ("sizes", "given", "expected"),
    [
        ([MIDDLE] * 20, [], (None, None, None)),
        ([LARGE] * 20, [], ([256, 256], 100, None)),
        ([(1000, 100)] * 20, [], ([256, 112], 3, None)),
        ([LARGE] * 3000, [], ([256, 256], 1, None)),
        ([LARGE] * 17 + [SMALL] * 3, [], ([256, 256], 100, None)),
        ([SMALL] * 17 + [LARGE] * 3, [], (None, None, [32, 64])),
        ([LARGE] * 20, ["data.image_size=512"], (None, None, 512)),
        ([LARGE] * 20, ["data.crop_size=512"], (512, 47, None)),
        ([MIDDLE] * 20, ["data.crop_size=[64,64]"], ([64, 64], 33, None)),
        ([LARGE] * 17 + [SMALL] * 3, ["data.crop_size=null"], (None, None, [3024, 4032])),
    ],
)
def test_large_images_with_masks_are_cropped(
    sizes: list[tuple[int, int]], given: list[str], expected: tuple[object, ...]
) -> None:
    decisions = decided(sizes, has_masks=True, can_crop=True, given=tuple(given))
    keys = ("data.crop_size", "data.crops_per_image", "data.image_size")
    assert tuple(decisions.get(key) for key in keys) == expected


@pytest.mark.parametrize(
    ("brightest", "white"),
    [(200, 255), (255, 255), (256, 1023), (4080, 4095), (60000, None), (70000, None)],
)
def test_images_of_16_bits_keep_the_levels_that_they_use(
    tmp_path: Path, brightest: int, white: int | None
) -> None:
    (tmp_path / "cat").mkdir()
    for number in range(3):
        pixels = np.full((8, 8), brightest // (number + 1), np.int32)
        kept = pixels if brightest > WHITE else pixels.astype(np.uint16)
        Image.fromarray(kept).save(tmp_path / f"cat/{number}.tif")
    decisions = Decisions(parse_given(["data=image_folder", f"data.root={tmp_path}"]))
    decide_decoding(decisions)
    assert decisions.get("data.white") == white


@pytest.mark.parametrize(("mode", "expected"), [("RGBA", True), ("LA", True), ("RGB", False)])
def test_alpha_channels_are_seen(tmp_path: Path, mode: str, expected: bool) -> None:
    Image.new(mode, (8, 8)).save(tmp_path / "1.png")
    header = image_header(tmp_path / "1.png", tmp_path)
    assert header is not None
    assert header.has_alpha is expected
