"""Named arrays of a .npz file or a folder of .npy files: headers and values."""

import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from convsweep.errors import UserError

Header = tuple[tuple[int, ...], np.dtype[Any]]
BROKEN = (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error, KeyError)


def headers(path: Path) -> dict[str, Header]:
    """Return shape and dtype of every array, by name.

    Raises:
        UserError: if there is no such file or folder, or one cannot be read.
    """
    if path.is_dir():
        files = {file.stem: file for file in sorted(path.glob("*.npy"))}
        if not files:
            raise UserError(
                f"A folder of arrays must hold x.npy and y.npy (or x_train.npy, ...), but {path}"
                " holds no .npy file."
            )
        return {name: header_of_file(file) for name, file in files.items()}
    if not path.is_file():
        raise UserError(
            "data.path must name a .npz file or a folder of .npy files, but there is nothing at"
            f" {path}."
        )
    try:
        with zipfile.ZipFile(path) as archive:
            return {
                name.removesuffix(".npy"): header_in_zip(archive, name)
                for name in archive.namelist()
            }
    except BROKEN as error:
        raise broken(path, error) from error


def header_of_file(file: Path) -> Header:
    try:
        with file.open("rb") as stream:
            return header(stream)
    except BROKEN as error:
        raise broken(file, error) from error


def header_in_zip(archive: zipfile.ZipFile, name: str) -> Header:
    with archive.open(name) as stream:
        return header(stream)


def header(stream: IO[bytes]) -> Header:
    """Return shape and dtype at the beginning of a .npy stream."""
    version = npy.read_magic(stream)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(stream)
    return shape, dtype


def load(path: Path, name: str) -> NDArray[Any]:
    """Return one array, memory-mapped from a .npy file, in memory from a .npz file.

    Raises:
        UserError: if the file is broken or holds Python objects.
    """
    file = path / f"{name}.npy" if path.is_dir() else path
    try:
        if path.is_dir():
            return np.asanyarray(np.load(file, mmap_mode="r", allow_pickle=False))
        with np.load(file, allow_pickle=False) as archive:
            return np.asarray(archive[name])
    except BROKEN as error:
        raise broken(file, error) from error


def broken(file: Path, error: Exception) -> UserError:
    return UserError(
        f"Arrays must be written by numpy.save or numpy.savez as plain numbers, but {file} cannot"
        f" be read: {error}."
    )
