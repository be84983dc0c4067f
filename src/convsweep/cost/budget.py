"""Limits on the cost of a network; errors say how to keep them."""

from dataclasses import dataclass
from math import sqrt

from convsweep.cost.measure import ADAM_STATES, Cost
from convsweep.cost.quantity import in_bytes, in_si, quantity
from convsweep.errors import InfeasibleError, UserError


@dataclass(frozen=True)
class Budget:
    """Limits on a network; null is no limit. Quantities may be written as 500k, 1.5M, 2GiB.

    max_params: parameters.
    max_macs: multiply-accumulates of one sample.
    max_memory: bytes of a training step (`Cost.memory`).
    max_latency_ms: of a forward pass on this machine (`latency.Latency`), which is measured, not
        computed from a `Cost`.
    min_receptive_field: input positions that the last feature map must see along every axis.
    """

    max_params: int | str | None = None
    max_macs: int | str | None = None
    max_memory: int | str | None = None
    max_latency_ms: float | None = None
    min_receptive_field: int | None = None

    def check(self, cost: Cost, batch_size: int = 1, optimizer_states: float = ADAM_STATES) -> None:
        """Check the cost against every limit.

        Raises:
            InfeasibleError: a limit is exceeded; the message has the limit, the value and a remedy.
            UserError: a limit is not a quantity.
        """
        self.check_count("max_params", self.max_params, cost.params, "parameters")
        self.check_count("max_macs", self.max_macs, cost.macs, "MACs")
        self.check_memory(cost, batch_size, optimizer_states)
        self.check_receptive_field(cost)

    def check_count(self, name: str, limit: int | str | None, value: int, what: str) -> None:
        """Check parameters or MACs, both of which grow with the square of the widths.

        Raises:
            InfeasibleError: the value is larger than the limit.
        """
        if limit is not None and value > (most := quantity(limit, f"budget.{name}")):
            raise InfeasibleError(
                f"budget.{name}={limit} is exceeded: the net has {in_si(value)} {what}; widths of"
                f" about {100 * sqrt(most / value):.0f} % would fit, or fewer blocks or stages",
                value / max(most, 1) - 1,
            )

    def check_memory(self, cost: Cost, batch_size: int, optimizer_states: float) -> None:
        """Check the memory of a training step.

        Raises:
            InfeasibleError: the step takes more than `max_memory`.
        """
        if self.max_memory is None:
            return
        most, value = (
            quantity(self.max_memory, "budget.max_memory"),
            cost.memory(batch_size, optimizer_states),
        )
        if value > most:
            fixed = cost.memory(0, optimizer_states)
            fits = (most - fixed) // max(cost.activations, 1)
            remedy = (
                f"data.batch_size={fits} would fit"
                if fits >= 1
                else "not even one sample fits, use a smaller net"
            )
            raise InfeasibleError(
                f"budget.max_memory={self.max_memory} is exceeded: a training step takes"
                f" {in_bytes(value)}, {in_bytes(fixed)} for weights, gradients and optimiser and"
                f" {batch_size} x {in_bytes(cost.activations)} for samples; {remedy}",
                value / max(most, 1) - 1,
            )

    def check_receptive_field(self, cost: Cost) -> None:
        """Check the receptive field along the axis where it is smallest.

        Raises:
            InfeasibleError: it is smaller than `min_receptive_field`.
            UserError: the receptive field is not known.
        """
        least = self.min_receptive_field
        if least is None:
            return
        if cost.receptive_field is None:
            raise UserError(
                "budget.min_receptive_field needs the patch torch_operations (docs/patches.md),"
                " which is off; leave it out"
            )
        value = cost.receptive_field.smallest
        if value < least:
            raise InfeasibleError(
                f"budget.min_receptive_field={least} is missed: a position of the last feature map"
                f" sees {value} positions of the input; use more stages, larger kernels, strides or"
                " dilations",
                1 - value / least,
            )
