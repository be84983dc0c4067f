"""A noisy, denoised and clean signal, and its wav files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# The largest value of a 16-bit wav file.
FULL_SCALE = 32767


@dataclass(frozen=True)
class Denoised:
    """One signal in the units of the data.

    Shape:
        noisy, denoised, clean: (C, *); of a recording (C, T).
    """

    name: str
    noisy: NDArray[np.float32]
    denoised: NDArray[np.float32]
    clean: NDArray[np.float32]

    @property
    def versions(self) -> dict[str, NDArray[np.float32]]:
        return {"noisy": self.noisy, "denoised": self.denoised, "clean": self.clean}


def write_all(recordings: Sequence[Denoised], sample_rate_hz: int, folder: Path) -> dict[Path, str]:
    """Write every version of every recording as a wav file, versions of one recording on a common
    scale; return captions by file.
    """
    written = {}
    for number, recording in enumerate(recordings):
        peak = max(float(np.abs(wave).max()) for wave in recording.versions.values())
        for version, wave in recording.versions.items():
            file = folder / f"{number}_{version}.wav"
            write_wav(file, wave / max(1.0, peak), sample_rate_hz)
            written[file] = f"{recording.name}, {version}"
    return written


def write_wav(file: Path, wave: NDArray[Any], sample_rate_hz: int) -> None:
    """Write (C, T) between -1 and 1 as a 16-bit wav file, which every player supports."""
    from scipy.io import wavfile

    wavfile.write(
        file, sample_rate_hz, np.round(np.clip(wave.T, -1, 1) * FULL_SCALE).astype(np.int16)
    )
