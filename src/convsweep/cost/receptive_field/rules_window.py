"""Rules for operations that read neighbouring positions or move them: convolutions, pools,
interpolation, padding, slices.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from convsweep.cost.receptive_field.field import Field
from convsweep.cost.receptive_field.layout import Dim, Layout, axes, plain
from convsweep.cost.receptive_field.rules import Call, rule
from convsweep.cost.receptive_field.rules_layout import reduce_dims
from convsweep.cost.receptive_field.windows import Window


def each(value: int | Sequence[int], dim: int) -> list[int]:
    """Return one value an axis."""
    values = [value] if isinstance(value, int) else list(value)
    return values * dim if len(values) == 1 else values


@rule("convolution")
def convolution(call: Call) -> Field:
    """A convolution slides its kernel over the positions, a transposed one spreads it."""
    _, weight, _, stride, padding, dilation, transposed, *_ = call.args
    kernel, dim = weight.shape[2:], weight.dim() - 2
    behind = Window.spread if transposed else Window.slid
    numbers = zip(kernel, each(stride, dim), each(padding, dim), each(dilation, dim), strict=True)
    field = call.source.change_windows(
        call.out.shape,
        {
            2 + i: partial(behind, kernel_size=k, stride=s, padding=p, dilation=d)
            for i, (k, s, p, d) in enumerate(numbers)
        },
        mixes=[1],
    )
    return replace(field, everything=field.everything or len(call.fields) > 1)


@rule("max_pool2d_with_indices", "max_pool3d_with_indices")
def max_pool(call: Call) -> Field:
    """A pool slides a window, which may be dilated, over the positions."""
    return pool_field(call, each(call.option(4, 1), len(call.args[1])))


@rule("avg_pool2d", "avg_pool3d")
def average_pool(call: Call) -> Field:
    """A pool slides a window over the positions."""
    return pool_field(call, [1] * len(call.args[1]))


def pool_field(call: Call, dilation: Sequence[int]) -> Field:
    """Return the field after a pool."""
    dim = len(dilation)
    window, stride, padding = (
        each(value, dim)
        for value in (call.args[1], call.option(2, call.args[1]), call.option(3, 0))
    )
    numbers = enumerate(zip(window, stride, padding, dilation, strict=True))
    return call.source.change_windows(
        call.out.shape,
        {
            i - dim: partial(Window.slid, kernel_size=k, stride=s, padding=p, dilation=d)
            for i, (k, s, p, d) in numbers
        },
    )


@rule("_adaptive_avg_pool2d", "_adaptive_avg_pool3d", "adaptive_max_pool2d", "adaptive_max_pool3d")
def adaptive_pool(call: Call) -> Field:
    """An adaptive pool divides an axis into windows; a single window covers everything."""
    before, after = call.args[0].shape, call.out.shape
    dims = range(-len(call.args[1]), 0)
    gone = [dim for dim in dims if after[dim] == 1 and before[dim] > 1]
    windowed = {
        dim: partial(Window.adaptive_pool, in_size=before[dim], out_size=after[dim])
        for dim in dims
        if dim not in gone
    }
    return reduce_dims(call.source.change_windows(after, windowed), gone, call.out)


@rule(
    "upsample_nearest1d",
    "upsample_nearest2d",
    "upsample_nearest3d",
    "pixel_shuffle",
)
def nearest(call: Call) -> Field:
    """Nearest-neighbour interpolation repeats positions; so does a pixel shuffle, from other
    channels.
    """
    return interpolate_field(call, Window.nearest)


@rule("_upsample_nearest_exact1d", "_upsample_nearest_exact2d", "_upsample_nearest_exact3d")
def nearest_exact(call: Call) -> Field:
    """Nearest-neighbour interpolation between centres of positions."""
    return interpolate_field(call, partial(Window.nearest, exact=True))


@rule("upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d")
def linear(call: Call) -> Field:
    """Linear interpolation reads a position's two neighbours along each axis."""
    return interpolate_field(call, partial(Window.interpolate, align_corners=call.args[2]))


@rule("upsample_bicubic2d")
def cubic(call: Call) -> Field:
    """Cubic interpolation reads a position's four neighbours along each axis."""
    return interpolate_field(call, partial(Window.interpolate, align_corners=call.args[2], reach=2))


def interpolate_field(call: Call, behind: Callable[..., Window]) -> Field:
    """Return the field after a change of size of the spatial dimensions."""
    before, after = call.args[0].shape, call.out.shape
    sizes = {
        dim: partial(behind, in_size=before[dim], out_size=after[dim])
        for dim in range(2 - len(after), 0)
    }
    return resize_field(call.source.change_windows(after, sizes), after)


@rule("pixel_unshuffle")
def pixel_unshuffle(call: Call) -> Field:
    """Positions become channels: a position of the result covers a window."""
    change = partial(Window.slid, kernel_size=call.args[1], stride=call.args[1])
    return resize_field(
        call.source.change_windows(call.out.shape, {-2: change, -1: change}), call.out.shape
    )


@rule(
    "constant_pad_nd",
    "reflection_pad1d",
    "reflection_pad2d",
    "reflection_pad3d",
    "replication_pad1d",
    "replication_pad2d",
    "replication_pad3d",
)
def pad(call: Call) -> Field:
    """Padding and cropping move positions."""
    field = call.source
    before = {-1 - back: margin for back, margin in enumerate(call.args[1][::2])}
    moves = {
        dim: partial(Window.shift, start=-margin)
        for dim, margin in before.items()
        if axes([field.layout[dim]])
    }
    return resize_field(field.change_windows(call.out.shape, moves), call.out.shape)


@rule("slice")
def slice_positions(call: Call) -> Field:
    """A slice moves positions and may skip some."""
    dim, start, step = call.option(1, 0), call.option(2, 0), call.option(4, 1)
    size = call.args[0].shape[dim]
    start = max(0, size + start) if start < 0 else min(start, size)
    walks = axes([call.source.layout[dim]])
    moves = {dim: partial(Window.shift, start=start, step=step)} if walks else {}
    return resize_field(call.source.change_windows(call.out.shape, moves), call.out.shape)


def resize_field(field: Field, shape: Sequence[int]) -> Field:
    """Return a field whose dimensions without positions have the sizes of `shape`."""
    layout: list[Dim] = [
        dim if axes([dim]) else plain(size) for dim, size in zip(field.layout, shape, strict=True)
    ]
    kept: Layout = tuple(layout)
    return replace(field, layout=kept)
