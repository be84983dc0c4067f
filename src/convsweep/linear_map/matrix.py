"""A linear layer as a matrix on the vectorised input."""

from dataclasses import dataclass, replace
from math import prod

import torch
from torch import Tensor


@dataclass(frozen=True)
class LinearMap:
    """y = W x + offset for vectorised x and y: channels first, then positions in row-major order.

    in_shape, out_shape: (C, *spatial) of one sample. rows, columns: indices of the structural
        non-zeros of W, (places,) each. numbers: index of the weight at each of them, (places,);
        places with the same index are tied. weights: (num_weights,). offset: (outputs,), or None.
        is_learnt: whether the weights are parameters; those of a mean are not.
    """

    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]
    rows: Tensor
    columns: Tensor
    numbers: Tensor
    weights: Tensor
    offset: Tensor | None = None
    is_learnt: bool = True

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows (outputs) and columns (inputs) of W."""
        return prod(self.out_shape), prod(self.in_shape)

    @property
    def num_places(self) -> int:
        """Number of structural non-zeros of W."""
        return len(self.rows)

    @property
    def num_free(self) -> int:
        """Number of free parameters of W; a dense layer has `prod(shape)`."""
        return len(self.weights) if self.is_learnt else 0

    def matrix(self) -> Tensor:
        """Return W as a sparse tensor; gradients flow to `weights`."""
        return self.sparse(self.weights[self.numbers])

    def numbering(self) -> Tensor:
        """Return the pattern of W as a sparse tensor: at each place the index of its weight + 1."""
        return self.sparse(self.numbers + 1)

    def sparse(self, values: Tensor) -> Tensor:
        """Return a sparse tensor with the pattern of W and the given values, (places,)."""
        places = torch.stack([self.rows, self.columns])
        matrix: Tensor = torch.sparse_coo_tensor(places, values, self.shape, check_invariants=False)
        return matrix.coalesce()

    def transpose(self) -> "LinearMap":
        """Return the map of the transpose of W, without offset."""
        return replace(
            self,
            in_shape=self.out_shape,
            out_shape=self.in_shape,
            rows=self.columns,
            columns=self.rows,
            offset=None,
        )

    def __call__(self, x: Tensor) -> Tensor:
        """Return W x + offset.

        Shape:
            (N, *in_shape) to (N, *out_shape).
        """
        y = (self.matrix().to(x.dtype) @ x.flatten(1).T).T
        shifted: Tensor = y if self.offset is None else y + self.offset
        return shifted.reshape(-1, *self.out_shape)
