"""Linear layers as matrices: which weight stands at which place of the W in y = W x."""

from convsweep.linear_map.layers import linear_map
from convsweep.linear_map.matrix import LinearMap

__all__ = ["LinearMap", "linear_map"]
