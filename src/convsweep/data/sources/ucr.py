"""Time series classification: a data set of the UCR and UEA archives as .tsv, .ts or .npz files."""

from functools import cached_property
from pathlib import Path
from typing import Unpack

import numpy as np

from convsweep.data.datamodule import DataModule
from convsweep.data.files import npy
from convsweep.data.files.series import SeriesFile, pad_and_stack, read_series, whole, word
from convsweep.data.labels import sorted_classes
from convsweep.data.options import LoadingOptions
from convsweep.data.samples import DataInfo, Parts, Samples, number_names
from convsweep.data.sources.arrays import pair_keys
from convsweep.errors import UserError, did_you_mean

PARTS = ("train", "test")


class UCR(DataModule):
    """Training and test part of a data set as published (Dau et al. 2019, The UCR time series
    archive).

    Shorter series are padded with zeros to the longest of both parts.

    Args:
        root: the folder of the archive, or of the data set.
        dataset: its name: NAME_TRAIN.tsv and NAME_TEST.tsv (or .ts), or NAME.npz with X_train,
            y_train, X_test and y_test.
    """

    def __init__(
        self, dataset: str, root: str = "data/ucr", **loading: Unpack[LoadingOptions]
    ) -> None:
        super().__init__(**loading)
        self.root, self.dataset = Path(root).expanduser(), dataset

    @cached_property
    def files(self) -> dict[str, Path]:
        """The file of each part.

        Raises:
            UserError: a file is missing; the message says which files to put where.
        """
        for folder in (self.root, self.root / self.dataset):
            archive = folder / f"{self.dataset}.npz"
            if archive.is_file():
                return dict.fromkeys(PARTS, archive)
            for suffix in (".tsv", ".ts"):
                files = {part: folder / f"{self.dataset}_{part.upper()}{suffix}" for part in PARTS}
                if all(file.is_file() for file in files.values()):
                    return files
        found = (
            sorted({child.stem.split("_")[0] for child in self.root.iterdir()})
            if self.root.is_dir()
            else []
        )
        hint = (
            f"; {did_you_mean(self.dataset, found)}"
            if found
            else "; fetch it from https://timeseriesclassification.com"
        )
        raise UserError(
            f"{self.root / self.dataset} must hold {self.dataset}_TRAIN.tsv and"
            f" {self.dataset}_TEST.tsv (or .ts, or one .npz), but does not{hint}"
        )

    @cached_property
    def content(self) -> dict[str, SeriesFile]:
        files = self.files
        return {
            part: (
                read_npz(files[part], part)
                if files[part].suffix == ".npz"
                else read_series(files[part])
            )
            for part in PARTS
        }

    @cached_property
    def classes(self) -> list[str]:
        """The labels in ascending order, sorted as numbers if all are numbers."""
        labels = sorted_classes([np.array(part.labels) for part in self.content.values()])
        return sorted(labels, key=float) if all(is_number(label) for label in labels) else labels

    def describe(self) -> DataInfo:
        channels = {part: len(content.series[0]) for part, content in self.content.items()}
        if len(set(channels.values())) > 1:
            raise UserError(
                f"Both parts must have as many channels, but {self.dataset} has {channels}; fetch"
                " it again"
            )
        longest = max(one.shape[1] for content in self.content.values() for one in content.series)
        return DataInfo((channels["train"], longest), len(self.classes), tuple(self.classes))

    def read(self) -> Parts:
        train, test = (self.samples(part) for part in PARTS)
        return train, None, test

    def samples(self, part: str) -> Samples:
        content = self.content[part]
        place = {label: index for index, label in enumerate(self.classes)}
        y = np.array([place[label] for label in content.labels], np.int64)
        return Samples(
            pad_and_stack(content.series, self.info.in_shape[1]), y, number_names(part, len(y))
        )


def read_npz(file: Path, part: str) -> SeriesFile:
    """Return one part of a .npz file; x is (N, T) or (N, C, T), padded with NaN.

    Raises:
        UserError: the arrays are not series, or one has no value.
    """
    x_key, y_key = pair_keys(list(npy.headers(file)), str(file))[part]
    x, y = npy.load(file, x_key), npy.load(file, y_key)
    if x.ndim not in (2, 3) or x.dtype.kind not in "iuf":
        raise UserError(
            f"{x_key} of {file} must be numbers (N, T) or (N, C, T), but is {x.dtype} {x.shape}"
        )
    try:
        series = [whole(np.atleast_2d(one).astype(np.float32)) for one in x]
    except ValueError as error:
        raise UserError(f"{x_key} of {file}: {error}; repair or remove the series") from error
    return SeriesFile(series, [word(str(label)) for label in y])


def is_number(label: str) -> bool:
    try:
        float(label)
    except ValueError:
        return False
    return True
