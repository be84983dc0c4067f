"""The cost of a network: `measure(net, in_shape)` on the meta device, a `Budget` that limits it,
and a one-line `summary`.
"""

from convsweep.cost.budget import Budget
from convsweep.cost.measure import Cost, Layer, measure
from convsweep.cost.modules import UntraceableError
from convsweep.cost.quantity import in_bytes, in_si, quantity
from convsweep.cost.receptive_field.field import ReceptiveField
from convsweep.cost.summary import summary

__all__ = [
    "Budget",
    "Cost",
    "Layer",
    "ReceptiveField",
    "UntraceableError",
    "in_bytes",
    "in_si",
    "measure",
    "quantity",
    "summary",
]
