"""Matrices of layers of torch and `nets.blocks`."""

from collections.abc import Sequence
from math import prod
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from convsweep.cost.measure import on_meta
from convsweep.errors import UserError
from convsweep.linear_map.connections import (
    Connections,
    divide_axis,
    grouped_connections,
    product,
    slide_window,
)
from convsweep.linear_map.matrix import LinearMap
from convsweep.nets.geometry import shape_text
from convsweep.nets.layer_kinds import ConstantPad, Convolution, TransposedConvolution

AveragePool: TypeAlias = nn.AvgPool1d | nn.AvgPool2d | nn.AvgPool3d
AdaptiveAveragePool: TypeAlias = nn.AdaptiveAvgPool1d | nn.AdaptiveAvgPool2d | nn.AdaptiveAvgPool3d
Shape: TypeAlias = tuple[int, ...]


def linear_map(layer: nn.Module, in_shape: Sequence[int]) -> LinearMap:
    """Return the matrix that a linear layer applies to an input of shape (C, *spatial).

    Built by index arithmetic, not by applying the layer to inputs. Supports convolutions (any
    stride, dilation, groups, zero padding), also with the separate pad of `nets.blocks.conv` for
    even kernels, transposed convolutions, average pools, adaptive average pools and fully connected
    layers.

    Raises:
        UserError: the layer is not linear or not supported, pads with values other than zero, or
            does not fit the input.
    """
    shape = tuple(in_shape)
    out_shape = shape_behind(layer, shape)
    pad, inner = split_pad(layer, len(shape) - 1)
    match inner:
        case nn.ConvTranspose1d() | nn.ConvTranspose2d() | nn.ConvTranspose3d():
            found = spread(inner, shape, out_shape)
        case nn.Conv1d() | nn.Conv2d() | nn.Conv3d():
            found = slid(inner, shape, out_shape, pad)
        case nn.AvgPool1d() | nn.AvgPool2d() | nn.AvgPool3d():
            return average_pool_map(inner, shape, out_shape)
        case nn.AdaptiveAvgPool1d() | nn.AdaptiveAvgPool2d() | nn.AdaptiveAvgPool3d():
            parts = [
                divide_axis(size, out) for size, out in zip(shape[1:], out_shape[1:], strict=True)
            ]
            return mean(parts, shape, out_shape, None)
        case nn.Linear() if len(shape) == 1:
            found = grouped_connections(shape[0], out_shape[0])
        case _:
            raise UserError(
                "a matrix exists for convolutions, transposed convolutions, average pools and"
                f" fully connected layers, but the layer is a {type(layer).__name__}; choose"
                " another layer"
            )
    bias = inner.bias
    offset = None if bias is None else bias.detach().repeat_interleave(prod(out_shape[1:]))
    return place_weights(found, shape, out_shape, inner.weight.detach().flatten(), offset)


def is_known(layer: nn.Module) -> bool:
    """Return whether `linear_map` supports layers of this kind."""
    kinds = (Convolution, TransposedConvolution, AveragePool, AdaptiveAveragePool, nn.Linear)
    return any(isinstance(split_pad(layer, None)[1], kind) for kind in kinds)


def shape_behind(layer: nn.Module, in_shape: Shape) -> Shape:
    """Return the output shape of a layer, without running it on data.

    Raises:
        UserError: the layer does not fit the input.
    """
    try:
        with torch.no_grad():
            dtype = next((param.dtype for param in layer.parameters()), None)
            out: Tensor = on_meta(layer)(torch.empty(1, *in_shape, dtype=dtype, device="meta"))
    except (RuntimeError, ValueError) as error:
        raise UserError(
            f"{type(layer).__name__} cannot take an input of shape {shape_text(in_shape)}: {error}"
        ) from error
    return tuple(out.shape[1:])


def split_pad(layer: nn.Module, dim: int | None) -> tuple[Shape, nn.Module]:
    """Return the number of zeros that a leading pad adds before each axis (0 without one), and the
    layer after it.

    Raises:
        UserError: the pad crops, or pads with values other than zero.
    """
    none = (0,) * (dim or 0)
    if not (
        isinstance(layer, nn.Sequential) and len(layer) == 2 and isinstance(layer[0], ConstantPad)
    ):
        return none, layer
    if not isinstance(layer[1], Convolution):
        return none, layer
    margins = list(layer[0].padding)
    if dim is not None and (min(margins) < 0 or layer[0].value != 0):
        raise UserError(
            f"a pad before a convolution must add zeros, but it adds {margins} times"
            f" {layer[0].value}"
        )
    return tuple(reversed(margins[::2])), layer[1]  # torch lists the last axis first


def slid(conv: Any, in_shape: Shape, out_shape: Shape, pad: Shape) -> Connections:
    """Return the connections of a convolution."""
    if conv.padding_mode != "zeros":
        raise UserError(
            "padding_mode must be zeros for a matrix with one weight a place, but is"
            f" {conv.padding_mode}"
        )
    axes = [
        slide_window(*each)
        for each in zip(
            in_shape[1:],
            out_shape[1:],
            conv.kernel_size,
            conv.stride,
            [before + more for before, more in zip(padding_before(conv), pad, strict=True)],
            conv.dilation,
            strict=True,
        )
    ]
    return product([grouped_connections(in_shape[0], out_shape[0], conv.groups), *axes])


def padding_before(conv: Any) -> Shape:
    """Return the number of zeros that a convolution adds before each axis, also for `same` and
    `valid`.
    """
    if conv.padding == "valid":
        return (0,) * len(conv.kernel_size)
    if conv.padding == "same":  # of an odd number the smaller half
        return tuple(d * (k - 1) // 2 for k, d in zip(conv.kernel_size, conv.dilation, strict=True))
    return tuple(conv.padding)


def spread(conv: Any, in_shape: Shape, out_shape: Shape) -> Connections:
    """Return the connections of a transposed convolution: the reverse of a convolution from its
    outputs to its inputs.
    """
    sizes = zip(
        out_shape[1:],
        in_shape[1:],
        conv.kernel_size,
        conv.stride,
        conv.padding,
        conv.dilation,
        strict=True,
    )
    return product(
        [
            grouped_connections(out_shape[0], in_shape[0], conv.groups),
            *(slide_window(*each) for each in sizes),
        ]
    ).reverse()


def average_pool_map(pool: Any, in_shape: Shape, out_shape: Shape) -> LinearMap:
    """Return the map of an average pool."""
    dim = len(in_shape) - 1
    kernel, stride, padding = (
        (value,) * dim if isinstance(value, int) else tuple(value)
        for value in (pool.kernel_size, pool.stride, pool.padding)
    )
    axes, spans = [], np.ones(1, np.int64)
    for size, out, window, step, before in zip(
        in_shape[1:], out_shape[1:], kernel, stride, padding, strict=True
    ):
        axes.append(slide_window(size, out, window, step, before, 1))
        starts = np.arange(out) * step - before
        # Positions beyond the padding, which ceil_mode adds to the last window, do not count.
        spans = np.outer(spans, np.minimum(starts + window, size + before) - starts).ravel()
    override = getattr(pool, "divisor_override", None)
    if override is not None:
        spans = np.full_like(spans, override)
    return mean(
        axes, in_shape, out_shape, spans if pool.count_include_pad or override is not None else None
    )


def mean(
    axes: Sequence[Connections], in_shape: Shape, out_shape: Shape, divisors: Any
) -> LinearMap:
    """Return the map that averages within each channel.

    Args:
        axes: connections along each axis.
        divisors: divisor of the sum at each output position; None uses the number of its inputs.
            Entries with the same divisor are tied.
    """
    channels = grouped_connections(in_shape[0], in_shape[0], in_shape[0])
    found = product([each.of_one_weight() for each in (channels, *axes)])
    counts = (
        np.bincount(found.outputs, minlength=found.num_outputs)
        if divisors is None
        else np.tile(divisors, in_shape[0])
    )
    distinct, numbers = np.unique(counts[found.outputs], return_inverse=True)
    tied = Connections(
        found.outputs, numbers, found.inputs, found.num_outputs, len(distinct), found.num_inputs
    )
    return place_weights(
        tied, in_shape, out_shape, torch.from_numpy(1 / distinct), None, is_learnt=False
    )


def place_weights(
    found: Connections,
    in_shape: Shape,
    out_shape: Shape,
    weights: Tensor,
    offset: Tensor | None,
    is_learnt: bool = True,
) -> LinearMap:
    """Return the map with these weights at its connections."""
    assert found.num_weights == len(weights), (found.num_weights, len(weights))
    rows, numbers, columns = (
        torch.from_numpy(each) for each in (found.outputs, found.weights, found.inputs)
    )
    return LinearMap(in_shape, out_shape, rows, columns, numbers, weights, offset, is_learnt)
