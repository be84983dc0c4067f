"""Linear layers as matrices: the W in y = W x, and the weight at each of its entries."""

from convsweep.linear_map.layers import linear_map
from convsweep.linear_map.matrix import LinearMap

__all__ = ["LinearMap", "linear_map"]
