"""Sound files: listing, headers, and reading in pieces."""

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convsweep.data.files.folders import files_below
from convsweep.data.files.images import UnfitFileError, UnreadableFileError
from convsweep.data.files.resampling import Resampled
from convsweep.errors import MissingExtraError

EXTENSIONS = frozenset({".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff", ".au"})
RULE = "Recordings must be sound files that can be read"
REMEDY = "save them again as wav or flac, or remove them"


def soundfile() -> Any:
    """Return the library that reads and writes sound files.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import soundfile
    except (ImportError, OSError) as error:
        raise MissingExtraError("soundfile", "audio", "reading sound files") from error
    return soundfile


def audio_files(folder: Path) -> list[Path]:
    """Return all sound files below a folder in order of their paths."""
    return list(files_below(folder, lambda file: file.suffix.lower() in EXTENSIONS))


class Recording:
    """A sound file with the interface of an array (C, T), read piece by piece by `[:, start:stop]`.

    Args:
        file: any that libsndfile reads.

    Raises:
        UnfitFileError: it cannot be read, or is empty.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        library = soundfile()
        try:
            self.info: Any = library.info(str(file))
        except (library.SoundFileError, OSError) as error:
            raise UnreadableFileError(RULE, short(error), REMEDY) from error
        if self.info.frames == 0 or self.info.channels == 0:
            raise UnreadableFileError(RULE, "empty", REMEDY)

    @property
    def shape(self) -> tuple[int, int]:
        return self.info.channels, self.info.frames

    @property
    def sample_rate_hz(self) -> int:
        return int(self.info.samplerate)

    @property
    def dtype(self) -> np.dtype[np.float32]:
        return np.dtype(np.float32)

    def __getitem__(self, index: tuple[slice, slice]) -> NDArray[np.float32]:
        start, stop, _ = index[1].indices(self.shape[1])
        try:
            self.sound_file.seek(start)
            frames = self.sound_file.read(max(0, stop - start), dtype="float32", always_2d=True)
        except (soundfile().SoundFileError, OSError) as error:
            raise UnreadableFileError(RULE, short(error), REMEDY) from error
        if len(frames) < stop - start:
            raise UnreadableFileError(
                RULE, f"cut off after {start + len(frames):,} of {self.shape[1]:,} samples", REMEDY
            )
        if not np.isfinite(frames).all():
            raise UnfitFileError("Recordings must be finite", "NaN or infinity", REMEDY)
        return np.ascontiguousarray(frames.T)

    @cached_property
    def sound_file(self) -> Any:
        return soundfile().SoundFile(str(self.file))


def mono(file: Path, sample_rate_hz: int) -> NDArray[np.float32]:
    """Return the mean of a file's channels at a sample rate, (T,).

    Raises:
        UnfitFileError: it cannot be read.
    """
    recording = Recording(file)
    whole = recording[:, :]
    recording.sound_file.close()
    one = np.asarray(whole.mean(axis=0, keepdims=True), np.float32)
    return np.asarray(Resampled(one, recording.sample_rate_hz, sample_rate_hz)[:, :][0])


def short(error: Exception) -> str:
    """Return libsndfile's reason for refusing a file, without the path."""
    return str(error).rpartition(": ")[2].rstrip(".") or type(error).__name__
