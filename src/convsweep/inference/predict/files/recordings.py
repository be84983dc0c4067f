"""Sound files of any length, denoised to wav files of the same length, sample rate and channels."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convsweep.data.files.audio import EXTENSIONS, Recording, soundfile
from convsweep.data.files.images import UnfitFileError
from convsweep.inference.predict.formats import Format, Result, Sample, place

if TYPE_CHECKING:
    from convsweep.inference.predict.recording import Waves

# Limit of a wav file's size field; longer ones are written as RF64, its extension (EBU Tech 3306).
LARGEST_WAV_BYTES = 2**32 - 2**16


class AudioFiles(Format):
    """One sample a file, read while it is denoised; its origin is the level of each channel."""

    suffixes = tuple(EXTENSIONS)

    def read(self, file: Path) -> Iterator[Sample]:
        from convsweep.inference.predict.recording import level_of  # imports torch

        if not self.info.kind.gives_signals:
            raise UnfitFileError(
                "Sound files are for networks that clean them",
                f"this one is for {self.info.task}",
                "give it arrays",
            )
        recording: Any = Recording(file)
        channels = recording.shape[0]
        if self.info.in_channels not in (1, channels):
            raise UnfitFileError(
                "Recordings must have the network's channels",
                f"{channels} instead of {self.info.in_channels}",
                "mix them down",
            )
        yield Sample(file.name, recording, origin=level_of(recording))

    def write(self, sample: Sample, result: Result, out: Path, name: str) -> Path:
        path = place(out, "recordings", f"{name}.wav")
        recording: Any = sample.x
        write_wav(path, recording, result)
        return path


def write_wav(path: Path, recording: Recording, slabs: Iterable["Waves"]) -> None:
    """Write pieces (C, length) as a wav file with the sample rate, channels and (if wav has it)
    number format of a recording.
    """
    library = soundfile()
    subtype = (
        recording.info.subtype if library.check_format("WAV", recording.info.subtype) else "PCM_16"
    )
    channels, length = recording.shape
    container = "WAV" if 8 * channels * length < LARGEST_WAV_BYTES else "RF64"
    with library.SoundFile(
        str(path), "w", recording.sample_rate_hz, channels, subtype, format=container
    ) as file:
        for slab in slabs:
            file.write(slab.T)
