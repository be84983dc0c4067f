"""Latency: the time of a forward pass on this machine."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles

import torch
from torch import nn

from convsweep.errors import InfeasibleError, UserError

# Passes before the measured ones, in which kernels are chosen, memory is allocated and clock rates
# rise.
WARM_UP = 5


@dataclass(frozen=True)
class Latency:
    """Time of a forward pass of one batch, in ms.

    median_ms: median of the passes.
    spread_ms: interquartile range, third quartile minus first.
    """

    median_ms: float
    spread_ms: float

    def check(self, limit_ms: float | None) -> None:
        """Check the median against `limit_ms`; None is no limit.

        Raises:
            InfeasibleError: the median is above the limit.
            UserError: the limit is not a positive number.
        """
        if limit_ms is None:
            return
        if isinstance(limit_ms, bool | str) or not limit_ms > 0:
            raise UserError(f"budget.max_latency_ms must be a number > 0, but is {limit_ms!r}")
        if self.median_ms > limit_ms:
            raise InfeasibleError(
                f"budget.max_latency_ms={limit_ms} is exceeded: a forward pass takes"
                f" {self.median_ms:.3g} ms (quartiles {self.spread_ms:.2g} ms apart); use fewer or"
                " narrower blocks, or a smaller latency.batch_size",
                self.median_ms / limit_ms - 1,
            )


def measure_latency(
    net: nn.Module,
    in_shape: Sequence[int],
    *,
    batch_size: int = 1,
    num_passes: int = 30,
    device: torch.device | str = "cpu",
    memory_format: torch.memory_format = torch.contiguous_format,
) -> Latency:
    """Return the latency of a network's forward pass without gradients, in evaluation mode.

    Args:
        net: on `device`, in `memory_format`; it is left in evaluation mode.
        in_shape: (C, *spatial) of a sample; the samples are zeros.
        batch_size: samples a pass.
        num_passes: passes that are timed, after `WARM_UP` others.
        device: of the network; the time of a pass includes the GPU's work.
        memory_format: of the batch.

    Raises:
        UserError: `batch_size` or `num_passes` is too small.
    """
    for name, value, least in (("batch_size", batch_size, 1), ("num_passes", num_passes, 2)):
        if not isinstance(value, int) or value < least:
            raise UserError(f"latency.{name} must be a whole number >= {least}, but is {value!r}")
    device = torch.device(device)
    x = torch.zeros(batch_size, *in_shape, device=device).contiguous(memory_format=memory_format)
    net.eval()
    times = []
    with torch.inference_mode():
        for index in range(WARM_UP + num_passes):
            begin = time.perf_counter()
            net(x)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            if index >= WARM_UP:
                times.append(1000 * (time.perf_counter() - begin))
    first, median, third = quantiles(times, n=4)
    return Latency(median, third - first)
