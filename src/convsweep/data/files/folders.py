"""Contents of a data folder: parts, classes, image files."""

from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

from convsweep.data.checks import examples
from convsweep.data.files.images import EXTENSIONS
from convsweep.errors import UserError, did_you_mean

PART_NAMES = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}


def existing_folder(root: Path, what: str, key: str = "root") -> Path:
    """Return the folder that the option `key` of the data names.

    Raises:
        UserError: if it is missing, is a file, or is empty.
    """
    if not root.exists():
        parent = root.parent
        near = (
            [child.name for child in parent.iterdir() if child.is_dir()] if parent.is_dir() else []
        )
        close = get_close_matches(root.name, near, n=1, cutoff=0.5)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise UserError(f"data.{key} must be {what}, but {root.absolute()} does not exist{hint}")
    if not root.is_dir():
        raise UserError(
            f"data.{key} must be {what}, but {root} is a file; name the folder that holds it."
        )
    if not any(visible(root)):
        raise UserError(f"data.{key} must be {what}, but {root} is empty; put your files there.")
    return root


def visible(folder: Path) -> list[Path]:
    """Return the entries of a folder by name, without those that start with `.` or `__`."""
    return sorted(child for child in folder.iterdir() if not child.name.startswith((".", "__")))


def subfolders(folder: Path) -> list[Path]:
    return [child for child in visible(folder) if child.is_dir()]


def files_below(folder: Path, wanted: Callable[[Path], bool]) -> Iterator[Path]:
    """Yield the wanted files below a folder in order of their paths."""
    for child in visible(folder):
        if child.is_dir():
            yield from files_below(child, wanted)
        elif wanted(child):
            yield child


def is_image(file: Path) -> bool:
    return file.suffix.lower() in EXTENSIONS


def image_files(folder: Path) -> list[Path]:
    """Return all image files below a folder in order of their paths."""
    return list(files_below(folder, is_image))


def part_folders(root: Path) -> dict[str, Path] | None:
    """Return the folders of train, val and test, or None if the folder is not divided.

    Raises:
        UserError: if one part has two folders, or a folder next to `train` is no part.
    """
    folders = subfolders(root)
    parts: dict[str, Path] = {}
    unknown = []
    for folder in folders:
        part = next(
            (part for part, names in PART_NAMES.items() if folder.name.lower() in names), None
        )
        if part is None:
            unknown.append(folder.name)
        elif part in parts:
            raise UserError(
                f"Each part must be one folder, but {root} holds {parts[part].name} and"
                f" {folder.name}; merge them."
            )
        else:
            parts[part] = folder
    if "train" not in parts:
        if parts and not unknown:
            raise UserError(
                f"A divided folder needs train, but {root} holds only"
                f" {examples([f.name for f in parts.values()])}; add train."
            )
        return None
    if unknown:
        known = [name for names in PART_NAMES.values() for name in names]
        raise UserError(
            f"Beside train, a folder may hold only val and test, but {root} holds"
            f" {examples(unknown)}; rename or move it; {did_you_mean(unknown[0], known)}"
        )
    return parts


def class_folders(root: Path) -> list[str]:
    """Return the names of the class folders.

    Raises:
        UserError: there is no class folder, or one holds no image.
    """
    names = [folder.name for folder in subfolders(root)]
    if not names:
        loose = image_files(root)
        found = f"holds {len(loose)} images and no folder" if loose else "holds no folder"
        raise UserError(
            f"Images must lie in one folder a class, but {root} {found}; make"
            f" {root.name}/CLASS/IMAGE.png"
        )
    empty = [name for name in names if not any(files_below(root / name, is_image))]
    if empty:
        raise UserError(
            f"Every class folder must hold an image ({' '.join(sorted(EXTENSIONS))}), but in {root}"
            f" there is none in {examples(empty)}; add images or remove the folder."
        )
    return names


def relative_names(files: Sequence[Path], root: Path) -> list[str]:
    """Return the files' paths relative to the root, with forward slashes on every system."""
    return [file.relative_to(root).as_posix() for file in files]
