"""The input positions that a position sees along one axis: windows, followed through convolutions,
transposed convolutions and resampling.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import gcd, inf, lcm

Taps = Callable[[int], Iterable[int]]

# Maximum number of phases; if there are more, later positions are approximate.
LONGEST_PERIOD = 4096


@dataclass(frozen=True)
class Window:
    """The input positions that the position i of a feature map sees along one axis.

    They span `lows[i % period] + step * (i // period)` to `highs[i % period] + step * (i //
    period)`: an affine map (Araujo et al. 2019, "Computing receptive fields of convolutional neural
    networks") for each phase, because after a transposed convolution or an interpolation
    neighbouring positions see windows of different size. Borders are ignored: positions may lie
    outside the input.
    """

    step: int = 1
    lows: tuple[float, ...] = (0,)
    highs: tuple[float, ...] = (0,)

    @property
    def period(self) -> int:
        """Number of phases."""
        return len(self.lows)

    @property
    def jump(self) -> Fraction:
        """Input positions between the windows of neighbouring positions."""
        return Fraction(self.step, self.period)

    @property
    def size(self) -> int | None:
        """Positions spanned by the widest phase; None if it is unbounded."""
        widest = max(high - low + 1 for low, high in zip(self.lows, self.highs, strict=True))
        return None if widest == inf else max(int(widest), 0)

    @property
    def bounded(self) -> bool:
        """Whether the window is finite."""
        return self.size is not None

    def low(self, position: int) -> float:
        """Return the first input position seen."""
        return self.lows[position % self.period] + self.step * (position // self.period)

    def high(self, position: int) -> float:
        """Return the last input position seen."""
        return self.highs[position % self.period] + self.step * (position // self.period)

    def through(
        self, taps: Taps, period: int = 1, advance: int = 1, size: int = LONGEST_PERIOD
    ) -> "Window":
        """Return the window after an operation whose output position o reads the positions
        `taps(o)` of its input.

        Args:
            taps: positions read; empty where the output depends on no input.
            period, advance: `taps(o + period)` equals `taps(o)` moved by `advance`.
            size: output positions; a longer period is truncated to it.
        """
        if not self.bounded:
            return EVERYTHING
        repeats = self.period // gcd(self.period, advance)
        phases = min(period * repeats, size)
        read = [list(taps(position)) for position in range(phases)]
        return Window(
            step=round(self.jump * Fraction(advance, period) * phases),
            lows=tuple(min((self.low(tap) for tap in taps), default=inf) for taps in read),
            highs=tuple(max((self.high(tap) for tap in taps), default=-inf) for taps in read),
        )

    def slid(
        self, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1
    ) -> "Window":
        """Return the window after a convolution or a pool."""
        reach = range(0, dilation * kernel_size, dilation)
        return self.through(lambda o: [o * stride - padding + tap for tap in reach], 1, stride)

    def spread(
        self, kernel_size: int, stride: int, padding: int = 0, dilation: int = 1
    ) -> "Window":
        """Return the window after a transposed convolution."""

        def taps(o: int) -> list[int]:
            moved = [o + padding - dilation * tap for tap in range(kernel_size)]
            return [position // stride for position in moved if position % stride == 0]

        return self.through(taps, stride, 1)

    def shift(self, start: int, step: int = 1) -> "Window":
        """Return the window after a slice from `start`, or after `-start` positions of padding."""
        return self.through(lambda o: [start + o * step], 1, step)

    def adaptive_pool(self, in_size: int, out_size: int) -> "Window":
        """Return the window after an adaptive pool."""
        num, den = ratio(in_size, out_size)
        return self.through(
            lambda o: range(o * num // den, -(-(o + 1) * num // den)), den, num, out_size
        )

    def nearest(self, in_size: int, out_size: int, exact: bool = False) -> "Window":
        """Return the window after nearest-neighbour interpolation."""
        num, den = ratio(in_size, out_size)
        return self.through(
            lambda o: [(2 * o + 1) * num // (2 * den) if exact else o * num // den],
            den,
            num,
            out_size,
        )

    def interpolate(
        self, in_size: int, out_size: int, align_corners: bool, reach: int = 1
    ) -> "Window":
        """Return the window after interpolation from `reach` neighbours on each side (1 linear, 2
        cubic).
        """
        if align_corners:
            num, den = ratio(in_size - 1, max(out_size - 1, 1))
            start, twice = 0, 1
        else:
            num, den = ratio(in_size, out_size)
            start, twice = num - den, 2

        def taps(o: int) -> Iterable[int]:
            position, rest = divmod(twice * o * num + start, twice * den)
            return range(position + 1 - reach, position + 1 + reach) if rest else [position]

        return self.through(taps, den, num, out_size) if num else EVERYTHING


EVERYTHING = Window(1, (-inf,), (inf,))


def ratio(first: int, second: int) -> tuple[int, int]:
    """Return the ratio of two numbers in lowest terms."""
    common = gcd(first, second) or 1
    return first // common, second // common


@lru_cache(maxsize=1024)
def join(windows: tuple[Window, ...], size: int) -> Window:
    """Return the window of a position that sees the union of `windows`, on an axis of `size`
    positions.

    Windows with different jumps (pyramids with aligned corners) are joined position by position.
    """
    if len(set(windows)) == 1:
        return windows[0]
    if not all(window.bounded for window in windows):
        return EVERYTHING
    period = lcm(*(window.period for window in windows))
    if len({window.jump for window in windows}) > 1 or period > LONGEST_PERIOD:
        period = size
    return Window(
        step=round(windows[0].jump * period),
        lows=tuple(min(window.low(position) for window in windows) for position in range(period)),
        highs=tuple(max(window.high(position) for window in windows) for position in range(period)),
    )
