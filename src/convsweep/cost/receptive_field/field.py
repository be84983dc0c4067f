"""The part of the input that a tensor's positions see, and how operations change and join it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import inf

from convsweep.cost.receptive_field.layout import Layout, axes, bare, broadcast, image, plain, sizes
from convsweep.cost.receptive_field.windows import EVERYTHING, Window, join


@dataclass(frozen=True)
class ReceptiveField:
    """Input positions that one position of a feature map depends on (sees).

    size: along each axis; larger than the input if the window extends beyond its borders; the whole
    axis if unbounded. jump: input positions between neighbouring positions of the map, along each
    axis.
    start: first input position that position 0 sees, along each axis (negative: in the border).
    everything: besides its window, a position also depends on all of the input, through a global
    pool, a squeeze-and-excitation gate, attention or a fully connected layer.
    """

    size: tuple[int, ...]
    jump: tuple[Fraction, ...]
    start: tuple[float, ...]
    everything: bool

    @property
    def smallest(self) -> int:
        """Size along the axis where it is smallest."""
        return min(self.size, default=1)


@dataclass(frozen=True)
class Field:
    """The part of the input that the positions of one tensor see.

    windows: one for each axis of the input: each position's window if the tensor runs along the
    axis; otherwise (after a global pool or flattening) the window of the positions that were
    combined.
    layout: which dimension runs along which axis. everything: some operation before read all
    positions. weighted: one of them weights positions differently (a fully connected layer,
    attention), unlike a mean.
    """

    windows: tuple[Window, ...]
    layout: Layout
    everything: bool = False
    weighted: bool = False

    @classmethod
    def of_everything(cls, dim: int) -> "Field":
        """Return the field of numbers that depend on every position along `dim` axes."""
        return cls((EVERYTHING,) * dim, (), everything=True)

    @property
    def live(self) -> set[int]:
        """Axes that the tensor still runs along."""
        return axes(self.layout)

    def mix_axes(self, lost: set[int], layout: Layout, weighted: bool = True) -> "Field":
        """Return the field after an operation that reads every position along the axes `lost`.

        A tensor without positions keeps the windows of the operands; one that still has positions
        (after attention between them) sees everything, unless the operation was a mean.
        """
        if not lost:
            return replace(self, layout=layout)
        windows = self.windows
        if axes(layout) and weighted:
            windows = tuple(
                EVERYTHING if axis in lost else window for axis, window in enumerate(windows)
            )
        return Field(windows, layout, everything=True, weighted=weighted or self.weighted)

    def change_windows(
        self,
        shape: Sequence[int],
        changes: Mapping[int, Callable[[Window], Window]],
        mixes: Sequence[int] = (),
    ) -> "Field":
        """Return the field after an operation that changes the window along some dimensions.

        Args:
            shape: of the result.
            changes: by dimension (negative counts from the end), a function from the window before
                to the window after the operation.
            mixes: dimensions summed over completely, like the input channels of a convolution.
        """
        windows, layout = list(self.windows), list(self.layout)
        lost = axes([layout[dim] for dim in mixes])
        for dim in mixes:
            layout[dim] = plain(shape[dim])
        for dim, change in changes.items():
            atoms = layout[dim]
            if len(atoms) == 1 and (axis := atoms[0].axis) is not None:
                windows[axis] = change(windows[axis])
                layout[dim] = (atoms[0]._replace(size=shape[dim]),)
            else:
                lost |= axes([atoms])
                layout[dim] = plain(shape[dim])
        return replace(self, windows=tuple(windows)).mix_axes(lost, tuple(layout))

    def receptive_field_of(self, in_spatial: Sequence[int]) -> ReceptiveField:
        """Return the receptive field as numbers, for an input with `in_spatial` positions."""
        return ReceptiveField(
            size=tuple(
                whole if window.size is None else window.size
                for window, whole in zip(self.windows, in_spatial, strict=True)
            ),
            jump=tuple(window.jump for window in self.windows),
            start=tuple(window.lows[0] for window in self.windows),
            everything=self.everything or not all(window.bounded for window in self.windows),
        )


def input_field(shape: Sequence[int]) -> Field:
    """Return the field of an input (N, C, *spatial): every position sees itself."""
    return Field((Window(),) * (len(shape) - 2), image(shape))


def blind(fields: Sequence[Field], shape: Sequence[int]) -> Field:
    """Return the field after an unknown operation, which may read any position."""
    everywhere = (EVERYTHING,) * len(fields[0].windows)
    live = any(field.live for field in fields)
    return Field(
        everywhere if live else merge_windows(fields, [set()] * len(fields), ()),
        bare(shape),
        True,
        True,
    )


def pointwise(fields: Sequence[Field], shape: Sequence[int]) -> Field:
    """Return the field after an operation on the same position of broadcast operands (a sum, an
    activation).
    """
    layout, brought = broadcast([field.layout for field in fields], shape)
    if layout is None:
        return blind(fields, shape)
    repeated = any(field.live - own for field, own in zip(fields, brought, strict=True))
    return Field(
        merge_windows(fields, brought, layout),
        layout,
        everything=repeated or any(field.everything for field in fields),
        weighted=any(field.weighted for field in fields),
    )


def concatenate(fields: Sequence[Field], shape: Sequence[int], dim: int) -> Field:
    """Return the field after a concatenation along `dim`."""
    dim %= len(shape)
    if axes([field.layout[dim] for field in fields]):
        return blind(fields, shape)
    return pointwise(
        [
            replace(field, layout=(*field.layout[:dim], plain(1), *field.layout[dim + 1 :]))
            for field in fields
        ],
        shape,
    )


def merge_windows(
    fields: Sequence[Field], brought: Sequence[set[int]], layout: Layout
) -> tuple[Window, ...]:
    """Return the windows of joined fields along each axis, for a result of that layout.

    They are joined from the fields that run along the axis; a mean over all positions does not
    count, a weighted sum counts as everything. If none runs along it any more, the widest window is
    taken.
    """
    windows = []
    for axis in range(len(fields[0].windows)):
        walking = [
            field.windows[axis] for field, own in zip(fields, brought, strict=True) if axis in own
        ]
        weighted = any(
            field.weighted and axis not in own for field, own in zip(fields, brought, strict=True)
        )
        if walking:
            windows.append(EVERYTHING if weighted else join(tuple(walking), sizes(layout)[axis]))
        else:
            windows.append(max((field.windows[axis] for field in fields), key=width))
    return tuple(windows)


def width(window: Window) -> float:
    """Return the size of a window, infinite if it is unbounded."""
    return inf if window.size is None else window.size
