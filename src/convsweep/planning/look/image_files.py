"""Headers of the image files of a data set: sizes and colours."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convsweep.data.files.decoding import num_readers
from convsweep.data.files.folders import files_below, is_image


@dataclass(frozen=True)
class ImageFile:
    """Header of an image file.

    Args:
        name: path relative to the data's folder.
        size: (height, width) upright.
        color: grey or rgb.
    """

    name: str
    size: tuple[int, int]
    color: str


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
    from PIL import Image

    from convsweep.data.files.images import color_of, upright_size

    try:
        with Image.open(file) as image:
            name = file.relative_to(root).as_posix()
            return ImageFile(name, upright_size(image), color_of(image))
    except (OSError, ValueError, SyntaxError):
        return None


def most_common(values: list[Any]) -> Any:
    """Return the value that occurs most often."""
    return Counter(values).most_common(1)[0][0]
