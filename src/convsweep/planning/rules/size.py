"""Rules about the size of samples: images and their colour and brightness, crops of volumes,
recordings.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from convsweep.data.checks import WHITES
from convsweep.data.files.audio import Recording
from convsweep.data.files.images import WHITE, Size, UnfitFileError
from convsweep.data.options import per_axis
from convsweep.planning.decisions import Decisions
from convsweep.planning.look.image_files import ImageFile, most_common
from convsweep.planning.look.volume_headers import VolumeHeaders

# Sizes of resized images are multiples of it, and at most this; files of one size keep it up to the
# last.
SIZE_MULTIPLE, LARGEST_SIZE, LARGEST_KEPT = 16, 224, 448
# Share of the files that settle the size by having it.
MOST_FILES = 0.9
# Largest crop of images with masks; they are cropped where they are larger than files of one size
# may be.
LARGEST_CROP = 256
# Crops of an epoch: 12 epochs of them, in batches of 8, are the steps of a hand-made recipe.
MOST_CROPS = 2000
# Crops of volumes are multiples of the first, at most the second; volumes are resampled if their
# spacings differ by more than this factor.
PATCH_MULTIPLE, LARGEST_PATCH, UNEQUAL = 8, 96, 1.1
# About so many recordings settle the sample rate.
MOST_RATES = 200


def decide_size(
    decisions: Decisions, headers: Sequence[ImageFile], has_masks: bool, can_crop: bool
) -> None:
    """Decide the size and colour of images from their files' headers; masks keep their detail.

    Args:
        can_crop: whether the data can be read as crops.
    """
    sizes = [header.size for header in headers]
    if sizes and not (can_crop and decide_crops(decisions, sizes)):
        decide_image_size(decisions, sizes, has_masks)
    colors = {header.color for header in headers}
    if len(colors) > 1:
        grey = sum(header.color == "grey" for header in headers)
        decisions.decide(
            "data.color",
            "rgb",
            f"{grey} files are grey and {len(headers) - grey} coloured",
        )


def decide_crops(decisions: Decisions, sizes: Sequence[Size]) -> bool:
    """Decide the size of crops of images with masks, and return whether there are crops: of large
    images, unless the user gave a size to resize them to.
    """
    middle = median_size(sizes)
    given = decisions.given
    is_large, wants_crops = max(middle) > LARGEST_KEPT, decisions.get("data.crop_size") is not None
    refuses_crops = given.has("data.image_size") or (
        given.has("data.crop_size") and not wants_crops
    )
    if refuses_crops or not (is_large or wants_crops):
        return False
    crop = [min(LARGEST_CROP, -(-size // SIZE_MULTIPLE) * SIZE_MULTIPLE) for size in middle]
    said = f"the median of {len(sizes):,} files is {middle[0]}x{middle[1]}"
    held = decisions.decide(
        "data.crop_size",
        crop if is_large else None,
        f"{said}, more than {LARGEST_KEPT}; crops of at most {LARGEST_CROP} keep its detail"
        " (nnU-Net), whole images are answered in windows"
        if is_large
        else f"{said}, not more than {LARGEST_KEPT}",
    )
    height, width = per_axis("crop_size", held, 2, int) or middle
    covering = round(math.prod(middle) / (height * width))
    decisions.decide(
        "data.crops_per_image",
        max(1, min(covering, MOST_CROPS // len(sizes))),
        f"{said}: as many pixels an epoch as there are, at most about {MOST_CROPS:,} crops",
    )
    return True


def median_size(sizes: Sequence[Size]) -> Size:
    """Return the median along each axis, each of them that of a file."""
    height, width = (sorted(axis)[len(axis) // 2] for axis in zip(*sizes, strict=True))
    return height, width


def decide_image_size(decisions: Decisions, sizes: Sequence[Size], has_masks: bool) -> None:
    """Decide the size of images: that of most files, if there is one and it is small enough; else
    the median.
    """
    usual: Size = most_common(list(sizes))
    count = sizes.count(usual)
    said = f"files have {len(set(sizes))} sizes"
    if count >= MOST_FILES * len(sizes):
        said = f"{count:,} of {len(sizes):,} files are {usual[0]}x{usual[1]}"
        if has_masks or max(usual) <= LARGEST_KEPT:
            if count < len(sizes):
                decisions.decide("data.image_size", list(usual), f"{said}, the others are resized")
            return
        said += f", more than {LARGEST_KEPT}"
    middle = median_size(sizes)
    decisions.decide(
        "data.image_size",
        [round_size(value, has_masks) for value in middle],
        f"{said}; the median {middle[0]}x{middle[1]}, in multiples of {SIZE_MULTIPLE}"
        f"{'' if has_masks else f', at most {LARGEST_SIZE}'}",
    )


def round_size(value: float, has_masks: bool) -> int:
    """Return a size as a multiple of `SIZE_MULTIPLE`, of images without masks at most
    `LARGEST_SIZE`.
    """
    size = max(SIZE_MULTIPLE, round(value / SIZE_MULTIPLE) * SIZE_MULTIPLE)
    return int(size if has_masks else min(LARGEST_SIZE, size))


def decide_white(decisions: Decisions, brightest: int) -> None:
    """Decide which value of 16-bit images becomes 255: the largest of as many bits as they use.

    Args:
        brightest: the largest value in them.
    """
    # reading refuses files that hold more
    white = next((white for white in WHITES if brightest <= white), WHITE)
    if white < WHITE:
        decisions.decide(
            "data.white",
            white,
            f"the largest value of the 16-bit files is {brightest:,}, so they use"
            f" {white.bit_length()} bits; {WHITE:,} would leave {brightest // 256 + 1} of 256"
            " levels",
        )


def decide_patch(decisions: Decisions, headers: VolumeHeaders) -> None:
    """Decide the size of crops of volumes: the median, which almost every volume fits into."""
    middle = np.median(headers.shapes, axis=0)
    patch = [
        min(LARGEST_PATCH, -(-int(size) // PATCH_MULTIPLE) * PATCH_MULTIPLE) for size in middle
    ]
    decisions.decide(
        "data.crop_size",
        patch,
        f"the median of {len(headers.shapes):,} volumes,"
        f" {'x'.join(f'{size:g}' for size in middle)}, in multiples of {PATCH_MULTIPLE}, at most"
        f" {LARGEST_PATCH} (nnU-Net: the median, as far as memory allows)",
    )


def decide_spacing(decisions: Decisions, headers: VolumeHeaders) -> None:
    """Decide whether volumes are resampled: to the median where spacings differ."""
    low, high = headers.spacings.min(axis=0), headers.spacings.max(axis=0)
    if (high > UNEQUAL * low).any():
        said = ", ".join(f"{a:.3g} to {b:.3g}" for a, b in zip(low, high, strict=True))
        middle = np.median(headers.spacings, axis=0)
        decisions.decide(
            "data.spacing",
            [float(f"{value:.4g}") for value in middle],
            f"spacings differ, {said} mm; the median along each axis (nnU-Net)",
        )


def decide_sample_rate(decisions: Decisions, files: Sequence[Path], default_hz: int) -> None:
    """Decide the sample rate of recordings: their own if it is below the default.

    Args:
        files: of the recordings.
        default_hz: of the config.
    """
    rates = [rate for rate in map(sample_rate_of, files[:: 1 + len(files) // MOST_RATES]) if rate]
    usual = most_common(rates) if rates else default_hz
    if usual < default_hz:
        decisions.decide(
            "data.sample_rate_hz",
            usual,
            f"that of {rates.count(usual)} of {len(rates)} recordings; nothing is above it",
        )


def sample_rate_of(file: Path) -> int | None:
    """Return the sample rate of a recording in Hz; None if it is unreadable, which reading it
    reports.
    """
    try:
        return Recording(file).sample_rate_hz
    except UnfitFileError:
        return None
