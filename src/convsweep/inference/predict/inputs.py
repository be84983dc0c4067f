"""The input files of a command line, and names for their results."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from convsweep.data.files.folders import visible
from convsweep.errors import UserError
from convsweep.inference.predict.formats import known_formats, suffix_of


def find_files(named: Sequence[Path]) -> dict[Path, str]:
    """Return the files, those of folders in order of their paths, with unique names without
    extensions.

    Raises:
        UserError: one is missing, or there is none.
    """
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for path in named:
        if not path.exists():
            raise UserError(f"FILES must be files or folders, but there is nothing at {path}")
        root = path if path.is_dir() else path.parent
        for file in files_below(path) if path.is_dir() else [path]:
            if file not in names:
                names[file] = free_name(file.relative_to(root), taken)
    if not names:
        folders = ", ".join(str(path) for path in named)
        raise UserError(
            f"there must be a file that can be read, but {folders} holds none"
            f" ({' '.join(sorted(known_formats()))})"
        )
    return names


def files_below(folder: Path) -> Iterator[Path]:
    """Yield all files of known kinds below a folder."""
    for child in visible(folder):
        if child.is_dir():
            yield from files_below(child)
        elif suffix_of(child) in known_formats():
            yield child


def free_name(file: Path, taken: set[str]) -> str:
    """Return the path without its extension, or with it or a number if the name is taken."""
    name = file.as_posix()
    short = name[: -len(suffix_of(file))] if suffix_of(file) else name
    numbered = (f"{name}_{number}" for number in range(2, len(taken) + 3))
    free = next(candidate for candidate in (short, name, *numbered) if candidate not in taken)
    taken.add(free)
    return free
