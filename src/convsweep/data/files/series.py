"""Labelled time series in the text formats of the UCR and UEA archives: .tsv (one channel) and .ts
(several channels).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from convsweep.errors import UserError

Series = NDArray[np.float32]


@dataclass(frozen=True)
class SeriesFile:
    """Contents of a file.

    Shape:
        series: one (C, T) a sample; T may differ, missing values are NaN.
        labels: one string a sample.
    """

    series: list[Series]
    labels: list[str]


def read_series(file: Path) -> SeriesFile:
    """Return the series of a file without NaN padding, gaps interpolated linearly.

    Raises:
        UserError: naming the file and the line that breaks the format.
    """
    lines = ts_lines(file) if file.suffix == ".ts" else tsv_lines(file)
    series, labels = [], []
    for number, channels, label in lines:
        try:
            series.append(
                whole(np.stack([np.array(values, np.float32) for values in pad(channels)]))
            )
        except ValueError as error:
            raise UserError(f"{file}, line {number}: {error}; repair or remove the line") from error
        labels.append(label)
    if not series:
        raise UserError(
            f"A file of time series must hold one, but {file} holds none; fetch it again"
        )
    if len({len(one) for one in series}) > 1:
        raise UserError(
            f"All series must have as many channels, but those of {file} have"
            f" {sorted({len(one) for one in series})}"
        )
    return SeriesFile(series, labels)


def tsv_lines(file: Path) -> Iterator[tuple[int, list[list[str]], str]]:
    """Yield line number, channel and label of each line: the label, then the values, separated by
    tabs.
    """
    for number, line in enumerate(file.read_text().splitlines(), 1):
        if line.strip():
            label, *values = line.rstrip().split("\t")
            yield number, [values], word(label)


def ts_lines(file: Path) -> Iterator[tuple[int, list[list[str]], str]]:
    """Yield line number, channels and label of each line after `@data`: channels separated by
    colons, values by commas, the label last.

    Raises:
        UserError: the series have time stamps or no labels.
    """
    header: dict[str, str] = {}
    in_data = False
    for number, raw in enumerate(file.read_text().splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if not in_data:
            key, _, value = line.lower().partition(" ")
            header[key] = value
            in_data = key == "@data"
            continue
        if header.get("@timestamps", "false").startswith("true") or header.get(
            "@classlabel", "true"
        ).startswith("false"):
            raise UserError(
                f"Series must have class labels and no time stamps, but {file} says otherwise in"
                " its header"
            )
        *channels, label = line.split(":")
        yield number, [channel.replace("?", "nan").split(",") for channel in channels], word(label)


def word(label: str) -> str:
    """Return a label in normal form: 1.0000000e+00, 1.0 and 1 are one class."""
    label = label.strip()
    try:
        number = float(label)
    except ValueError:
        return label
    return str(int(number)) if number.is_integer() else str(number)


def pad(channels: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return the channels padded with NaN to the length of the longest."""
    longest = max(len(channel) for channel in channels)
    return [[*channel, *["nan"] * (longest - len(channel))] for channel in channels]


def whole(series: Series) -> Series:
    """Return a series (C, T) without trailing NaN, with inner NaN interpolated linearly.

    Raises:
        ValueError: a channel has no value.
    """
    present = ~np.isnan(series)
    if not present.any(axis=1).all():
        raise ValueError("every channel must have a value, but one is empty or all NaN")
    length = int(np.flatnonzero(present.any(axis=0))[-1]) + 1
    positions = np.arange(length)
    filled = [
        np.interp(positions, np.flatnonzero(here), channel[here])
        for channel, here in zip(series, present, strict=True)
    ]
    return np.asarray(filled, np.float32)


def pad_and_stack(series: Sequence[Series], length: int) -> NDArray[np.float32]:
    """Return series as one array (N, C, length), shorter ones padded with zeros."""
    x = np.zeros((len(series), len(series[0]), length), np.float32)
    for row, one in zip(x, series, strict=True):
        row[:, : one.shape[1]] = one
    return x
