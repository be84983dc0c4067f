"""A linear layer as the matrix it applies to the vectorised input."""

from dataclasses import dataclass, replace
from math import prod

import torch
from torch import Tensor


@dataclass(frozen=True)
class LinearMap:
    """y = W x + offset, for x and y as vectors: channels first, then positions row by row.

    in_shape, out_shape: (C, *spatial) of one sample. rows, columns: the places of W where a weight
    stands, (places,) each; all others are zero whatever the weights. numbers: which weight stands
    at each place, (places,). Places of one number are tied. weights: (num_weights,). offset: what
    is added to each output, (outputs,); None for nothing. is_learnt: whether the weights are
    parameters; those of a mean are not.
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
        """Outputs and inputs of one sample: the rows and columns of W."""
        return prod(self.out_shape), prod(self.in_shape)

    @property
    def num_places(self) -> int:
        """Places of W where a weight stands."""
        return len(self.rows)

    @property
    def num_free(self) -> int:
        """Numbers that W is learnt by; a dense layer's is `prod(shape)`."""
        return len(self.weights) if self.is_learnt else 0

    def matrix(self) -> Tensor:
        """Return W, sparse; gradients flow to `weights`."""
        return self.sparse(self.weights[self.numbers])

    def numbering(self) -> Tensor:
        """Return the pattern of W, sparse: at each place the number of its weight, from 1, so that
        0 is no weight.
        """
        return self.sparse(self.numbers + 1)

    def sparse(self, values: Tensor) -> Tensor:
        """Return a sparse matrix of the pattern of W with other values at its places, (places,)."""
        places = torch.stack([self.rows, self.columns])
        matrix: Tensor = torch.sparse_coo_tensor(places, values, self.shape, check_invariants=False)
        return matrix.coalesce()

    def transposed(self) -> "LinearMap":
        """Return the map that applies the transpose of W, which adds nothing."""
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
