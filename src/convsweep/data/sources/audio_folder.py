"""Clean recordings of your own, cut into windows and mixed with noise to be removed."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from math import ceil
from pathlib import Path
from typing import Unpack

import numpy as np

from convsweep.data.division import divide
from convsweep.data.files.audio import EXTENSIONS, audio_files, mono, soundfile
from convsweep.data.files.decoding import num_readers, unfit_message
from convsweep.data.files.folders import existing_folder, part_folders, relative_names
from convsweep.data.files.holdout import parts_of, patterns_of, with_test_files
from convsweep.data.files.images import UnfitFileError, UnreadableFileError
from convsweep.data.files.unreadable import SKIP, OnUnreadable, Unreadable
from convsweep.data.groups import check_apart
from convsweep.data.options import LoadingOptions
from convsweep.data.samples import PARTS, DataInfo, Parts, Samples
from convsweep.data.sources.noise import Noise, NoiseKind, Recorded, Waves
from convsweep.data.sources.noisy_signals import Clean, NoisySignals, Range
from convsweep.errors import UserError
from convsweep.task import DENOISING

# Windows whose root mean square (full scale is 1) is below this are silent and left out.
SILENCE = 1e-4

# Section of every noise recording that each part uses, as shares of its length; sections do not
# overlap.
NOISE_SHARES = {"train": (0.0, 0.7), "val": (0.7, 0.85), "test": (0.85, 1.0)}


class AudioFolder(NoisySignals):
    """Clean recordings below a folder, mixed down to one channel, cut into windows; shorter ones
    are padded with silence.

    A folder with train (and val, test) is used as divided. Otherwise whole files are split off, or
    under `data.group` groups of files, so that no recording or speaker is in two parts.

    Args:
        root: the folder of clean recordings.
        sample_rate_hz: all recordings are resampled to it.
        window_s: length of a window in seconds.
        holdout: patterns of the names of files (without extension) that form the test part; under
            `data.group` of groups, such as folders.
        noise, snr_db, eval_snr_db: as for all noisy signals.
        noise_root: the folder of recorded noise, for `noise: folder`.
        on_unreadable: "error", or "skip" files that cannot be read, and say how many.
    """

    own_files = "root"

    def __init__(
        self,
        root: str,
        sample_rate_hz: int = 16000,
        window_s: float = 1.0,
        holdout: str | Sequence[str] | None = None,
        noise: NoiseKind | Sequence[NoiseKind] = ("white", "pink", "babble"),
        snr_db: Range = (-5, 15),
        eval_snr_db: Range | None = None,
        noise_root: str | None = None,
        on_unreadable: OnUnreadable = "error",
        **loading: Unpack[LoadingOptions],
    ) -> None:
        super().__init__(noise, snr_db, eval_snr_db, **loading)
        self.root = Path(root).expanduser()
        self.patterns = patterns_of(holdout)
        self.unreadable = Unreadable(on_unreadable)
        self.sample_rate_hz, self.window = sample_rate_hz, round(window_s * sample_rate_hz)
        self.noise_root = None if noise_root is None else Path(noise_root).expanduser()
        if sample_rate_hz < 1 or self.window < 2:
            raise UserError(
                f"a window must hold samples, but data.window_s={window_s} at"
                f" data.sample_rate_hz={sample_rate_hz} has none"
            )
        if ("folder" in self.kinds) != (noise_root is not None):
            raise UserError(
                f"data.noise=folder and data.noise_root belong together, but are {self.kinds} and"
                f" {noise_root}; give both or none"
            )

    @cached_property
    def files(self) -> dict[str, list[Path]]:
        """The files of each part as the folder is divided, or all of them as train."""
        soundfile()
        root = existing_folder(self.root, "a folder of recordings")
        parts = part_folders(root) or {"train": root}
        found = {part: audio_files(folder) for part, folder in parts.items()}
        for part, files in found.items():
            if not files:
                raise UserError(
                    f"Every part must hold recordings ({' '.join(sorted(EXTENSIONS))}), but"
                    f" {parts[part]} holds none."
                )
        return found

    def describe(self) -> DataInfo:
        self.files  # noqa: B018  a folder that is not there is named now
        return DataInfo(
            (1, self.window), 1, ("sound",), DENOISING, sample_rate_hz=self.sample_rate_hz
        )

    def read_clean(self) -> tuple[Clean, Clean | None, Clean | None]:
        parts = self.files_by_part()
        files = [file for part in PARTS for file in parts.get(part, [])]
        waves = read_all(files, self.sample_rate_hz, self.root, self.unreadable)
        train, val, test = (
            (
                self.windows({file: waves.pop(file) for file in parts[part] if file in waves}, part)
                if part in parts
                else None
            )
            for part in PARTS
        )
        assert train is not None
        return train, val, test

    def files_by_part(self) -> dict[str, list[Path]]:
        """Return the files of each part, split off if the folder is not divided."""
        files = [file for own in self.files.values() for file in own]
        groups = self.groups(relative_names(files, self.root))
        units = [file.stem for file in files] if groups is None else groups
        part_of = with_test_files(
            parts_of({part: len(own) for part, own in self.files.items()}),
            [unit.rpartition("/")[2] for unit in units],
            self.patterns,
            self.root,
        )
        parts = {
            str(part): [files[i] for i in np.flatnonzero(part_of == part)]
            for part in np.unique(part_of)
        }
        train = parts.pop("train")
        names = relative_names([file.with_suffix("") for file in train], self.root)
        groups = self.groups(relative_names(train, self.root))
        divided = divide(names, groups, None, self.loading, parts)
        parts |= {part: [train[i] for i in indices] for part, indices in divided.items()}
        if groups is not None:
            check_apart(
                {
                    part: self.groups(relative_names(own, self.root)) or []
                    for part, own in parts.items()
                }
            )
        return parts

    def split(self, train: Samples, val: Samples | None, test: Samples | None) -> Parts:
        return train, val, test  # whole files were, before they were cut into windows

    def windows(self, waves: dict[Path, Waves], part: str) -> Clean:
        """Return the windows of recordings (T,) that are not silent, named by file and second.
        Removes the recordings from `waves`.

        Raises:
            UserError: all are silent.
        """
        files, names = list(waves), list[str]()
        windows = np.zeros(
            (sum(ceil(len(wave) / self.window) for wave in waves.values()), 1, self.window),
            np.float32,
        )
        for file, name in zip(files, relative_names(files, self.root), strict=True):
            wave = waves.pop(file)  # recordings and windows together would need twice the memory
            for start in range(0, len(wave), self.window):
                piece = wave[start : start + self.window]
                if np.sqrt(np.square(piece, dtype=np.float64).mean()) >= SILENCE:
                    windows[len(names), 0, : len(piece)] = piece
                    names.append(f"{name}@{start / self.sample_rate_hz:.2f}s")
        if not names:
            raise UserError(
                f"Recordings must hold sound, but all {len(files)} of the {part} part in"
                f" {self.root} are silent."
            )
        return Clean(windows[: len(names)], names)

    def recorded_noise(self, part: str) -> Noise:
        assert self.noise_root is not None
        files = audio_files(
            existing_folder(self.noise_root, "a folder of recorded noise", "noise_root")
        )
        if not files:
            raise UserError(
                f"data.noise_root must hold recordings, but {self.noise_root} holds none."
            )
        first, last = NOISE_SHARES[part]
        recordings = read_all(files, self.sample_rate_hz, self.noise_root, self.unreadable).values()
        return Recorded(
            [wave[int(first * len(wave)) : max(1, ceil(last * len(wave)))] for wave in recordings]
        )


def read_all(
    files: Sequence[Path], sample_rate_hz: int, root: Path, unreadable: Unreadable
) -> dict[Path, Waves]:
    """Return all recordings as one channel (T,), without those that cannot be read if these are
    skipped.

    Raises:
        UserError: naming the files that cannot be read.
    """
    unfit: list[tuple[str, UnfitFileError]] = []

    def read(file: Path) -> Waves | None:
        try:
            return mono(file, sample_rate_hz)
        except UnfitFileError as error:
            name = relative_names([file], root)[0]
            if unreadable.skips and isinstance(error, UnreadableFileError):
                unreadable.names.add(name)
            else:
                unfit.append((name, error))
            return None

    with ThreadPoolExecutor(max_workers=num_readers()) as pool:
        waves = list(pool.map(read, files))
    if unfit:
        message = unfit_message(sorted(unfit, key=lambda pair: pair[0]), len(files), root, SKIP)
        raise UserError(message)
    return {file: wave for file, wave in zip(files, waves, strict=True) if wave is not None}
