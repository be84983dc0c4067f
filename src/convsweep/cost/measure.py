"""The cost of a network on an input, without allocating either: layers, parameters, MACs, receptive
field, memory.
"""

import copy
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from convsweep.cost import operations
from convsweep.cost.memory import kept_for_backward
from convsweep.cost.receptive_field.field import Field, ReceptiveField
from convsweep.cost.trace import Trace, trace
from convsweep.errors import InfeasibleError

# Numbers an Adam optimiser keeps for every weight.
ADAM_STATES = 2


@dataclass(frozen=True)
class Layer:
    """One module of a network, without its submodules.

    name: dotted path; empty for the network itself.
    kind: its class.
    out_shape: (C, *spatial) of what it returns for one sample.
    params: own parameters; shared ones count where they occur first.
    macs: multiply-accumulates of its own operations for one sample.
    receptive_field: of the positions it returns; None if they do not depend on the input.
    activations: bytes it keeps for the backward pass of one sample.
    looks: whether one of its own operations reads neighbouring positions or changes their number.
    """

    name: str
    kind: str
    out_shape: tuple[int, ...]
    params: int
    macs: int
    receptive_field: ReceptiveField | None
    activations: int
    looks: bool


@dataclass(frozen=True)
class Cost:
    """Cost of a network on an input.

    layers: every module that ran, in the order in which they finished (a container after its
    children). params, trainable: number of parameters, in all and with a gradient. macs:
    multiply-accumulates of one sample in evaluation mode. receptive_field: of the last feature map,
    before a global pool or flattening; None where it is not known. weights, gradients, activations:
    bytes; activations of one sample.
    """

    net: str
    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]
    layers: tuple[Layer, ...]
    params: int
    trainable: int
    macs: int
    receptive_field: ReceptiveField | None
    weights: int
    gradients: int
    activations: int

    def memory(self, batch_size: int, optimizer_states: float = ADAM_STATES) -> int:
        """Return the bytes that a training step in float32 holds between forward and backward pass.

        Not included are the loss, the gradients of activations, and the workspace of the device's
        libraries.

        Args:
            batch_size: samples in a step.
            optimizer_states: numbers the optimiser keeps for every weight: 0 plain SGD, 1 with
                momentum, 2 Adam.
        """
        return (
            self.weights
            + self.gradients
            + int(optimizer_states * self.gradients)
            + batch_size * self.activations
        )


def output_shape(net: nn.Module, in_shape: Sequence[int]) -> tuple[int, ...]:
    """Return the shape (C, *spatial) of a network's output for one sample of a shape.

    Raises:
        InfeasibleError: a layer cannot take its input, or the network returns no tensor.
        UntraceableError: a layer looks at values, so that nothing can be said without data.
    """
    net = on_meta(net)
    with in_mode(net, training=False):
        _, out = trace(net, tuple(in_shape))
    return tuple(check_output(net, out).shape[1:])


def check_output(net: nn.Module, out: Tensor | None) -> Tensor:
    """Return the output of a network after checking its type.

    Raises:
        InfeasibleError: it is not a tensor.
    """
    if out is None:
        raise InfeasibleError(
            f"{type(net).__name__} must return a tensor, but returned none; wrap it in a net that"
            " does"
        )
    return out


def measure(net: nn.Module, in_shape: Sequence[int]) -> Cost:
    """Return the cost of a network on inputs of shape (C, *spatial), without running it on data or
    allocating memory.

    Args:
        net: on any device, including meta; it is not changed.
        in_shape: of one sample.

    Raises:
        InfeasibleError: a layer cannot take its input, or the network returns no tensor.
        UntraceableError: a layer looks at values, so that nothing can be said without data.
    """
    in_shape = tuple(in_shape)
    net = on_meta(net)
    with in_mode(net, training=False):
        traced, out = trace(net, in_shape)
    with in_mode(net, training=True):
        kept = kept_for_backward(net, in_shape)
    out = check_output(net, out)
    params = list(net.parameters())
    size = sum(param.numel() * param.element_size() for param in params)
    return Cost(
        net=type(net).__name__,
        in_shape=in_shape,
        out_shape=tuple(out.shape[1:]),
        layers=layers(net, traced, kept, in_shape[1:]),
        params=sum(param.numel() for param in params),
        trainable=sum(param.numel() for param in params if param.requires_grad),
        macs=traced.total_macs,
        receptive_field=last_map(traced, traced.field_of(out), in_shape[1:]),
        weights=size + sum(buffer.numel() * buffer.element_size() for buffer in net.buffers()),
        gradients=sum(
            param.numel() * param.element_size() for param in params if param.requires_grad
        ),
        activations=kept.total(),
    )


def layers(
    net: nn.Module, traced: Trace, kept: Counter[str], in_spatial: Sequence[int]
) -> tuple[Layer, ...]:
    """Return the modules that ran; several calls of one module are combined."""
    own = own_params(net)
    calls = {layer.name: layer for layer in traced.layers}
    return tuple(
        Layer(
            name=name,
            kind=last.kind,
            out_shape=last.out_shape,
            params=own[name],
            macs=traced.macs[name],
            receptive_field=(
                None if last.field is None else last.field.receptive_field_of(in_spatial)
            ),
            activations=kept[name],
            looks=name in traced.looks,
        )
        for name, last in calls.items()
    )


def own_params(net: nn.Module) -> Counter[str]:
    """Return the number of parameters of each module itself."""
    seen: set[int] = set()
    own: Counter[str] = Counter()
    for name, module in net.named_modules():
        for param in module.parameters(recurse=False):
            own[name] += 0 if id(param) in seen else param.numel()
            seen.add(id(param))
    return own


def last_map(traced: Trace, out: Field | None, in_spatial: Sequence[int]) -> ReceptiveField | None:
    """Return the receptive field of a network: the whole input if none of its operations reads
    neighbouring positions.
    """
    if not operations.can_watch():
        return None
    if out is None or not traced.looks:
        out = Field.of_everything(len(in_spatial))
    return out.receptive_field_of(in_spatial)


def on_meta(net: nn.Module) -> nn.Module:
    """Return the network itself if it is on the meta device, else a copy there, which shares no
    tensors with it and takes no memory.
    """
    tensors = [
        tensor
        for module in net.modules()
        for tensor in vars(module).values()
        if isinstance(tensor, torch.Tensor)
    ]
    tensors += [*net.parameters(), *net.buffers()]
    if all(tensor.is_meta for tensor in tensors):
        return net
    return copy.deepcopy(net, {id(tensor): weightless(tensor) for tensor in tensors})


def weightless(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor of the same shape and type on the meta device."""
    empty = torch.empty_like(tensor, device="meta")
    return nn.Parameter(empty, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else empty


@contextmanager
def in_mode(net: nn.Module, training: bool) -> Iterator[None]:
    """Run in training or evaluation mode, then restore every module's own mode."""
    modes = {module: module.training for module in net.modules()}
    net.train(training)
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
