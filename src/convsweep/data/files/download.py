"""Files of published data sets: found in the usual folders, downloaded if they are missing."""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from convsweep.data.files.cache import lock_between_processes, remove_leftovers
from convsweep.errors import UserError

TEMPORARY = ".download-"


@dataclass(frozen=True)
class Remote:
    """A file to download.

    Args:
        name: under which it is kept.
        md5: checksum.
        urls: mirrors, tried in order.
    """

    name: str
    md5: str
    urls: tuple[str, ...]


def first_existing(candidates: Iterable[Path]) -> Path | None:
    return next((path for path in candidates if path.exists()), None)


def download(
    remotes: Sequence[Remote],
    folder: Path,
    missing: Callable[[], bool],
    unpacked: str | None = None,
) -> None:
    """Download the files into a folder, each atomically; existing files are not touched.

    Args:
        remotes: the files.
        folder: where to put them.
        missing: returns whether they are missing, called again once other processes have finished.
        unpacked: for archives: the folder of this name in them is moved into `folder` instead.

    Raises:
        UserError: the download failed; the message says which file to put where.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with lock_between_processes(folder / ".download.lock") as alone:
            if missing():
                if alone:
                    remove_leftovers(folder, TEMPORARY)
                with tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=folder) as temporary:
                    bring(remotes, Path(temporary), folder, unpacked)
    except (
        OSError,
        RuntimeError,
    ) as error:  # URLError is an OSError; torchvision raises RuntimeError for a wrong checksum
        wanted = " and ".join(f"{remote.name} (from {remote.urls[0]})" for remote in remotes)
        raise UserError(
            f"The data must lie in {folder}, but is not there and could not be downloaded"
            f" ({error}); put there {wanted}."
        ) from error


def bring(remotes: Sequence[Remote], temporary: Path, folder: Path, unpacked: str | None) -> None:
    """Download into a temporary folder, then move the missing files."""
    for remote in remotes:
        if unpacked is None and (folder / remote.name).exists():
            continue
        fetch(remote, temporary)
        if unpacked is not None:
            shutil.unpack_archive(temporary / remote.name, temporary, filter="data")
        else:
            (temporary / remote.name).rename(folder / remote.name)
    if unpacked is not None:
        (temporary / unpacked).rename(folder / unpacked)


def fetch(remote: Remote, folder: Path) -> None:
    """Download one file through torchvision from the first mirror that has it.

    Raises:
        OSError, RuntimeError: every mirror failed.
    """
    from torchvision.datasets.utils import download_url

    for number, url in enumerate(remote.urls, 1):
        try:
            download_url(url, str(folder), filename=remote.name, md5=remote.md5)
        except (OSError, RuntimeError):
            if number == len(remote.urls):
                raise
        else:
            return
