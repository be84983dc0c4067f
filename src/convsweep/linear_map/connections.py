"""Connections of outputs and inputs by weights, along one axis and along all axes together."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Connections:
    """The connections along one axis, or along several axes in row-major order.

    outputs, weights, inputs: indices, (connections,) each.
    num_outputs, num_weights, num_inputs: number of each.
    """

    outputs: Indices
    weights: Indices
    inputs: Indices
    num_outputs: int
    num_weights: int
    num_inputs: int

    def reverse(self) -> "Connections":
        """Return the connections with outputs and inputs exchanged."""
        return Connections(
            self.inputs,
            self.weights,
            self.outputs,
            self.num_inputs,
            self.num_weights,
            self.num_outputs,
        )

    def of_one_weight(self) -> "Connections":
        """Return the same connections, all with one weight."""
        return Connections(
            self.outputs,
            np.zeros_like(self.weights),
            self.inputs,
            self.num_outputs,
            min(1, self.num_weights),
            self.num_inputs,
        )


def slide_window(
    num_inputs: int, num_outputs: int, kernel_size: int, stride: int, before: int, dilation: int
) -> Connections:
    """Return the connections of a sliding window over an axis with `before` zeros in front.

    Output o reads through tap k the input o * stride - before + k * dilation, where there is one.
    """
    output, tap = np.meshgrid(np.arange(num_outputs), np.arange(kernel_size), indexing="ij")
    read = output * stride - before + tap * dilation
    inside = (read >= 0) & (read < num_inputs)
    return Connections(
        output[inside], tap[inside], read[inside], num_outputs, kernel_size, num_inputs
    )


def divide_axis(num_inputs: int, num_outputs: int) -> Connections:
    """Return the connections of an adaptive pool: output o reads the inputs that overlap the o-th
    of equal parts of the axis.
    """
    output, read = np.meshgrid(np.arange(num_outputs), np.arange(num_inputs), indexing="ij")
    inside = (read >= output * num_inputs // num_outputs) & (
        read < -(-(output + 1) * num_inputs // num_outputs)
    )
    return Connections(
        output[inside], np.zeros(inside.sum(), np.int64), read[inside], num_outputs, 1, num_inputs
    )


def grouped_connections(num_inputs: int, num_outputs: int, groups: int = 1) -> Connections:
    """Return the connections between channels: each output with every input of its group, each with
    its own weight.
    """
    output, within = np.meshgrid(
        np.arange(num_outputs), np.arange(num_inputs // groups), indexing="ij"
    )
    group = output // (num_outputs // groups)
    weight = output * (num_inputs // groups) + within
    read = group * (num_inputs // groups) + within
    return Connections(
        output.ravel(), weight.ravel(), read.ravel(), num_outputs, weight.size, num_inputs
    )


def product(axes: Sequence[Connections]) -> Connections:
    """Return the connections between the positions of all axes, in row-major order."""
    return reduce(cross, axes)


def cross(first: Connections, second: Connections) -> Connections:
    """Return all pairs of a connection of one axis and one of the next."""

    def join(outer: Indices, inner: Indices, num_inner: int) -> Indices:
        return (outer[:, None] * num_inner + inner[None, :]).ravel()

    return Connections(
        join(first.outputs, second.outputs, second.num_outputs),
        join(first.weights, second.weights, second.num_weights),
        join(first.inputs, second.inputs, second.num_inputs),
        first.num_outputs * second.num_outputs,
        first.num_weights * second.num_weights,
        first.num_inputs * second.num_inputs,
    )
