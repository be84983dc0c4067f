"""Fingerprints of the user's own files, by which a plan knows whether they have changed."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path
from typing import Any

from hydra.utils import get_object

from convsweep.data.checks import examples
from convsweep.data.files.decoding import num_readers
from convsweep.data.files.folders import files_below
from convsweep.errors import UserError

# Key of the fingerprints in a plan's record.
KEY = "data_fingerprint"
# Bytes at both ends of a file that its fingerprint depends on. PNG, gzip and zip end with
# checksums, so that a change anywhere in them shows there.
ENDS = 4096


def own_folder(data: Mapping[str, Any]) -> Path | None:
    """Return the folder or file of the user's own data, None for a packaged data set."""
    own = getattr(get_object(str(data["_target_"])), "own_files", None)
    value = None if own is None else data.get(own)
    return None if value is None else Path(str(value)).expanduser()


def check_data_files(data_files: str | None, data: Mapping[str, Any]) -> None:
    """Check that the user's own files are those that a plan was made for.

    Args:
        data_files: plan.json of the plan; None: without one.
        data: the config of the data.

    Raises:
        UserError: they are not, or there is no such file.
    """
    if data_files is not None:
        check_unchanged(Path(data_files), fingerprint_files(own_folder(data)))


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


def check_unchanged(record: Path, now: Mapping[str, str]) -> None:
    """Check that files are those that the record of a plan lists.

    Args:
        record: plan.json.
        now: fingerprints of the files.

    Raises:
        UserError: files are new, missing or changed, which the message names; or there is no
            record.
    """
    if not record.is_file():
        raise UserError(
            f"data_files must be the plan.json of a plan, but {record} is not there; plan again, or"
            " set data_files=null"
        )
    before = json.loads(record.read_text())[KEY]
    found = {kind: names for kind, names in changes(before, now).items() if names}
    if found:
        said = "; ".join(f"{len(names)} {kind}: {examples(names)}" for kind, names in found.items())
        raise UserError(
            f"the files of the data must be those that were planned with, but since {record} there"
            f" are {said}; undo that, or plan again in a new folder=..."
        )
