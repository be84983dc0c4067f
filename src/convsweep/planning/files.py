"""The files of a data set without decoding them: sizes, colours, a fingerprint of each."""

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from hydra.utils import get_object

from convsweep.data.files.decoding import num_readers
from convsweep.data.files.folders import files_below, is_image

# Bytes at both ends of a file that its fingerprint depends on. PNG, gzip and zip end with
# checksums, so that a change anywhere in them shows there.
ENDS = 4096


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


def own_folder(data: Mapping[str, Any]) -> Path | None:
    """Return the folder or file of the user's own data, None for a packaged data set."""
    own = getattr(get_object(str(data["_target_"])), "own_files", None)
    value = None if own is None else data.get(own)
    return None if value is None else Path(str(value)).expanduser()


def fingerprint_files(root: Path | None) -> dict[str, str]:
    """Return size and a hash of both ends of each file below a folder, by its relative path."""
    if root is None or not root.exists():
        return {}
    files = [root] if root.is_file() else list(files_below(root, lambda file: True))
    top = root.parent if root.is_file() else root
    with ThreadPoolExecutor(num_readers()) as pool:
        marks = list(pool.map(fingerprint_file, files))
    return {file.relative_to(top).as_posix(): mark for file, mark in zip(files, marks, strict=True)}


def fingerprint_file(file: Path) -> str:
    """Return size and a hash of both ends of a file."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        ends = stream.read(ENDS)
        if size > ENDS:
            stream.seek(max(ENDS, size - ENDS))
            ends += stream.read()
    return f"{size}-{blake2b(ends, digest_size=6).hexdigest()}"


def changes(before: Mapping[str, str], now: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the names of files that are new, missing and changed."""
    return {
        "new": sorted(set(now) - set(before)),
        "missing": sorted(set(before) - set(now)),
        "changed": sorted(name for name in set(before) & set(now) if before[name] != now[name]),
    }


def image_headers(folders: list[Path], root: Path) -> list[ImageFile]:
    """Return the headers of all readable image files below some folders."""
    files = [file for folder in folders for file in files_below(folder, is_image)]
    with ThreadPoolExecutor(num_readers()) as pool:
        found = pool.map(lambda file: image_header(file, root), files)
        return [header for header in found if header is not None]


def image_header(file: Path, root: Path) -> ImageFile | None:
    """Return the header of an image file; None if it is no image, which reading it reports."""
    from PIL import Image

    from convsweep.data.files.images import color_of

    try:
        with Image.open(file) as image:
            width, height = image.size
            if image.getexif().get(0x0112, 1) >= 5:  # stored lying on its side
                width, height = height, width
            return ImageFile(file.relative_to(root).as_posix(), (height, width), color_of(image))
    except (OSError, ValueError, SyntaxError):
        return None


def most_common(values: list[Any]) -> Any:
    """Return the value that occurs most often."""
    return Counter(values).most_common(1)[0][0]
