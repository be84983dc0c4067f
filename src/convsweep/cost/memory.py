"""Memory of a training step: tensors that a forward pass keeps for the backward pass."""

from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef

from convsweep.cost.modules import empty_input, follow_modules
from convsweep.cost.operations import shortcut_operations

# Samples in the traced batch: in training, batch normalisation needs more than one.
SAMPLES = 2


def kept_for_backward(net: nn.Module, in_shape: Sequence[int]) -> Counter[str]:
    """Return the bytes that each module's operations keep for the backward pass of one sample.

    Every storage counts once, for the first module that keeps it; parameters and buffers do not
    count, as they exist in any case. The network is on the meta device and runs in training mode,
    in float32.

    Raises:
        InfeasibleError: a layer cannot take its input.
        UntraceableError: a layer needs data.
    """
    seen = {
        StorageWeakRef(tensor.untyped_storage()) for tensor in (*net.parameters(), *net.buffers())
    }
    kept: Counter[str] = Counter()

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        reference = StorageWeakRef(storage)  # while it exists, no other storage gets its address
        if reference not in seen:
            seen.add(reference)
            kept[stack[-1].name if stack else ""] += -(-storage.nbytes() // SAMPLES)
        return tensor

    x = empty_input(net, in_shape, SAMPLES)
    hooks = torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor)
    with follow_modules(net, x) as stack, torch.enable_grad(), hooks, shortcut_operations():
        net(x)
    return kept
