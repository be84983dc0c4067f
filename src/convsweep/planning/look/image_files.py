"""Headers of the image files of a data set: sizes and colours; and the range of 16-bit ones."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convsweep.data.files.decoding import num_readers
from convsweep.data.files.folders import files_below, is_image
from convsweep.data.files.images import color_of, is_deep, look_into, upright_size

if TYPE_CHECKING:
    from PIL.Image import Image

# About so many 16-bit files say how bright they are.
MOST_DEEP = 200


@dataclass(frozen=True)
class ImageFile:
    """Header of an image file.

    Args:
        name: path relative to the data's folder.
        size: (height, width) upright.
        color: grey or rgb.
        is_deep: whether it has 16 bits a pixel.
        has_alpha: whether it has an alpha channel, or a transparent colour.
    """

    name: str
    size: tuple[int, int]
    color: str
    is_deep: bool = False
    has_alpha: bool = False


def folders_named(root: Path, name: str) -> list[Path]:
    """Return the folder of this name in the root, else those in folders of the root."""
    if (root / name).is_dir():
        return [root / name]
    return [folder for folder in sorted(root.glob(f"*/{name}")) if folder.is_dir()]


def image_headers(folders: list[Path], root: Path) -> list[ImageFile]:
    """Return the headers of all readable image files below some folders."""
    files = [file for folder in folders for file in files_below(folder, is_image)]
    with ThreadPoolExecutor(num_readers()) as pool:
        found = pool.map(lambda file: image_header(file, root), files)
        return [header for header in found if header is not None]


def image_header(file: Path, root: Path) -> ImageFile | None:
    """Return the header of an image file; None if it is no image, which reading it reports."""
    name = file.relative_to(root).as_posix()

    def look(image: "Image") -> ImageFile:
        size, color = upright_size(image), color_of(image)
        return ImageFile(name, size, color, is_deep(image), has_alpha(image))

    return look_into(file, look)


def has_alpha(image: "Image") -> bool:
    """Return whether an image has an alpha channel, or a transparent colour."""
    return "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info


def brightest_value(headers: Sequence[ImageFile], root: Path) -> int | None:
    """Return the largest value in the 16-bit files, or in some of them; None if there are none."""
    deep = [header.name for header in headers if header.is_deep]
    some = deep[:: 1 + len(deep) // MOST_DEEP]
    found = [look_into(root / name, largest_value) for name in some]
    return max((value for value in found if value is not None), default=None)


def largest_value(image: "Image") -> int:
    """Return the largest value of a grey image."""
    return int(image.getextrema()[1])  # type: ignore[arg-type]


def most_common(values: list[Any]) -> Any:
    """Return the value that occurs most often."""
    return Counter(values).most_common(1)[0][0]
