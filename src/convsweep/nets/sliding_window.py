"""Sliding windows: apply a network of a fixed input size to samples of any size, by averaging
overlapping windows in bounded memory.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice, product
from math import ceil
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from convsweep.errors import UserError

# Standard deviation of a window's weights, as a share of the window (Isensee et al. 2021, nnU-Net).
SPREAD = 1 / 8


@dataclass(frozen=True)
class SlidingWindow:
    """Applies a network to overlapping windows of one sample and averages its outputs at each
    position.

    Windows are spaced evenly. Beyond its borders the sample is mirrored, also if it is smaller than
    a window. If the network's output is smaller than its input, it belongs to the centre of the
    window. Outputs far from the centre, which have less context, have smaller weights.

    Args:
        predict: maps a batch (B, C, *window) to (B, K, *out_window), probabilities for instance, on
            any device.
        window: spatial shape of the network's input.
        out_window: spatial shape of its output; None determines it by one forward pass on zeros.
        overlap: share of a window that overlaps with the next one, along each axis; 0 <= overlap <
            1.
        batch_size: windows in one forward pass.

    Raises:
        UserError: a value outside its range.
    """

    predict: Callable[[Tensor], Tensor]
    window: Sequence[int]
    out_window: Sequence[int] | None = None
    overlap: float = 0.5
    batch_size: int = 4
    asked: dict[int, tuple[int, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if not 0 <= self.overlap < 1:
            raise UserError(
                f"overlap must be a share of the window, 0 <= overlap < 1, but is {self.overlap}"
            )
        if self.batch_size < 1:
            raise UserError(f"batch_size must be at least 1 window, but is {self.batch_size}")

    def __call__(self, x: Tensor | NDArray[Any]) -> Tensor:
        """Return the averages at every position.

        Shape:
            (C, *spatial) to (K, *spatial)
        """
        return torch.cat(list(self.slabs(x)), dim=1)

    def slabs(self, x: Tensor | NDArray[Any]) -> Iterator[Tensor]:
        """Yield the averages piece by piece along the first spatial axis: no more than a window's
        length is in memory at a time.

        Args:
            x: a tensor, or an array, such as a memory map, of which only the current windows are
                read.

        Shape:
            x: (C, *spatial); the pieces, (K, length, *rest), make up (K, *spatial).

        Raises:
            UserError: if the sample has another number of axes than the window.
        """
        spatial = tuple(x.shape[1:])
        if len(spatial) != len(self.window):
            raise UserError(
                f"a sample for windows of {tuple(self.window)} must be (C, *spatial), but has the"
                f" shape {tuple(x.shape)}"
            )
        out_window = self.out_window or self.asked_out_window(x)
        axes = [
            Axis(size, length, self.overlap)
            for size, length in zip(spatial, out_window, strict=True)
        ]
        done, held = 0, torch.empty(0)
        for (rows, *others), answer in self.answers(x, axes):
            if not held.numel():
                held = answer.new_zeros(len(answer), min(axes[0].window, spatial[0]), *spatial[1:])
            if rows.start > done:
                ready = rows.start - done
                yield held[:, :ready].clone()
                held = torch.cat([held[:, ready:], torch.zeros_like(held[:, :ready])], dim=1)
                done = rows.start
            held[:, : rows.stop - done, *others] += answer
        yield held[:, : spatial[0] - done]

    def answers(
        self, x: Tensor | NDArray[Any], axes: Sequence["Axis"]
    ) -> Iterator[tuple[tuple[slice, ...], Tensor]]:
        """Yield for each window the positions of its output (one slice an axis) and its weighted
        output (K, *positions).

        Raises:
            UserError: the network's output does not have the shape `out_window`.
        """
        numbers = product(*(range(len(axis.starts)) for axis in axes))
        while group := list(islice(numbers, self.batch_size)):
            answers = self.predict(
                torch.stack([self.input_of(x, axes, window) for window in group])
            )
            expected = tuple(axis.window for axis in axes)
            if answers.shape[2:] != torch.Size(expected):
                raise UserError(
                    f"a window's answer must have the shape {expected}, but has"
                    f" {tuple(answers.shape[2:])}"
                )
            device = device_of(x)
            for window, answer in zip(group, answers.to(device, torch.float32), strict=True):
                for axis, number, others in zip(
                    axes, window, reversed(range(len(axes))), strict=True
                ):
                    answer = answer * torch.from_numpy(axis.share(number)).to(device).view(
                        -1, *[1] * others
                    )
                places, inside = zip(
                    *(axis.place(number) for axis, number in zip(axes, window, strict=True)),
                    strict=True,
                )
                yield places, answer[:, *inside]

    def input_of(
        self, x: Tensor | NDArray[Any], axes: Sequence["Axis"], window: Sequence[int]
    ) -> Tensor:
        """Return the network's input for one window, given by its number along each axis."""
        firsts = [
            axis.starts[number] - (length - axis.window) // 2
            for axis, number, length in zip(axes, window, self.window, strict=True)
        ]
        return cut(x, firsts, self.window)

    def asked_out_window(self, x: Tensor | NDArray[Any]) -> tuple[int, ...]:
        """Return the spatial shape of the network's output for windows of samples with the channels
        of `x`.
        """
        channels = x.shape[0]
        if channels not in self.asked:
            zeros = torch.zeros(1, channels, *self.window, device=device_of(x))
            self.asked[channels] = tuple(self.predict(zeros).shape[2:])
        return self.asked[channels]


def device_of(x: Tensor | NDArray[Any]) -> torch.device:
    """Return the device of a sample."""
    return x.device if isinstance(x, Tensor) else torch.device("cpu")


@dataclass(frozen=True)
class Axis:
    """The windows along one axis: their first positions, and the weight of each in the average at
    every position.

    Args:
        size: positions of the sample.
        window: positions of a window's output.
        overlap: as in `SlidingWindow`.
    """

    size: int
    window: int
    overlap: float

    @cached_property
    def starts(self) -> list[int]:
        """First positions, evenly spaced from border to border; a single centred window if the
        sample is not larger.
        """
        room = self.size - self.window
        if room <= 0:
            return [-(-room // 2)]
        steps = ceil(room / max(1, round(self.window * (1 - self.overlap))))
        return [room * step // steps for step in range(steps + 1)]

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """Weights of a window's positions before normalisation, a Gaussian, (window,)."""
        away = np.arange(self.window) - (self.window - 1) / 2
        weights: NDArray[np.float64] = np.exp(-0.5 * np.square(away / (self.window * SPREAD)))
        return weights

    def share(self, number: int) -> NDArray[np.float32]:
        """Return the normalised weights of a window, (window,); at each position the weights of all
        windows sum to 1.
        """
        start, total = self.starts[number], self.weights.copy()
        for step in (-1, 1):
            other = number + step
            while (
                0 <= other < len(self.starts)
                and (shift := abs(self.starts[other] - start)) < self.window
            ):
                near, far = slice(shift, None), slice(None, self.window - shift)
                if step > 0:
                    total[near] += self.weights[far]
                else:
                    total[far] += self.weights[near]
                other += step
        return (self.weights / total).astype(np.float32)

    def place(self, number: int) -> tuple[slice, slice]:
        """Return the positions of the sample that a window's output covers, and the part of the
        output that belongs to them.
        """
        start = self.starts[number]
        first, last = max(0, start), min(self.size, start + self.window)
        return slice(first, last), slice(first - start, last - start)


def cut(x: Tensor | NDArray[Any], firsts: Sequence[int], shape: Sequence[int]) -> Tensor:
    """Return a copy of a piece of a sample, which is mirrored beyond its borders.

    Args:
        x: (C, *spatial); if it is a memory map, only the piece is read.
        firsts: first position of the piece along each axis; may be negative.
        shape: spatial shape of the piece.
    """
    lines = [
        mirrored_positions(first, length, size)
        for first, length, size in zip(firsts, shape, x.shape[1:], strict=True)
    ]
    part = x[:, *(slice(int(line.min()), int(line.max()) + 1) for line in lines)]
    piece = part.clone() if isinstance(part, Tensor) else torch.from_numpy(np.array(part))
    for axis, line in enumerate(lines, 1):
        if (np.diff(line) != 1).any():
            piece = piece.index_select(axis, torch.from_numpy(line - line.min()).to(piece.device))
    return piece


def mirrored_positions(first: int, length: int, size: int) -> NDArray[np.int64]:
    """Return `length` positions from `first` on; positions outside 0 to size - 1 are mirrored at
    the borders, which are not repeated.
    """
    period = max(1, 2 * (size - 1))
    return (
        size - 1 - np.abs(np.arange(first, first + length) % period - (size - 1))
        if size > 1
        else np.zeros(length, np.int64)
    )
