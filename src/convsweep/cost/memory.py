"""Memory of a training step: what a forward pass keeps for the backward pass, and weights, gradients, optimiser state."""

from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from convsweep.cost.modules import empty_input, followed, main_tensor
from convsweep.cost.weightless import Weightless


def kept_for_backward(net: nn.Module, in_shape: Sequence[int], batch_size: int = 2) -> tuple[Counter[str], Tensor | None]:
    """Return the bytes that each module's operations keep for the backward pass of one sample, and what the net returned.

    Every storage counts once, for the first module that keeps it; parameters and buffers do not count, they are there
    anyway. The network is on the meta device and runs in training mode, in float32.

    Raises:
        InfeasibleError: a layer cannot take its input.
        UntraceableError: a layer needs data.
    """
    seen = {tensor.untyped_storage()._cdata for tensor in (*net.parameters(), *net.buffers())}
    kept: Counter[str] = Counter()
    alive = []

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in seen:
            seen.add(storage._cdata)
            alive.append(storage)
            kept[stack[-1].name if stack else ""] += -(-storage.nbytes() // batch_size)
        return tensor

    x = empty_input(net, in_shape, batch_size)
    hooks = torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor)
    with followed(net) as stack, torch.enable_grad(), hooks, Weightless():
        out = main_tensor(net(x))
    return kept, out
