"""Tracks which module of a network is running: operations and errors are assigned to the innermost
one.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from convsweep.errors import InfeasibleError, UserError
from convsweep.nets.geometry import shape_text


class UntraceableError(UserError):
    """A network that cannot be run without data, so that its cost cannot be determined before."""


@dataclass
class Running:
    """A module that is running."""

    name: str
    kind: str
    in_shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.name} ({self.kind})" if self.name else self.kind


def main_tensor(value: Any) -> Tensor | None:
    """Return the main tensor of a module's input or output: the only one, the first, or the one
    named out/logits.
    """
    if isinstance(value, Tensor):
        return value
    if isinstance(value, dict):
        value = [value[name] for name in ("out", "logits") if name in value] or list(value.values())
    if isinstance(value, list | tuple):
        return next((found for each in value if (found := main_tensor(each)) is not None), None)
    return getattr(value, "logits", None)


def empty_input(net: nn.Module, in_shape: Sequence[int], batch_size: int) -> Tensor:
    """Return a batch on the meta device, of the dtype of the network's weights."""
    dtype = next(
        (param.dtype for param in net.parameters() if param.is_floating_point()), torch.float32
    )
    return torch.empty(batch_size, *in_shape, device="meta", dtype=dtype)


@contextmanager
def follow_modules(
    net: nn.Module,
    x: Tensor,
    on_switch: Callable[[str], None] = lambda name: None,
    on_exit: Callable[[Running, Tensor | None], None] = lambda running, out: None,
) -> Iterator[list[Running]]:
    """Maintain the stack of running modules; an error names the module that failed.

    Args:
        net: on the meta device.
        x: the input of the forward pass.
        on_switch: called with the name of the module that has run until now, whenever another one
            begins or continues.
        on_exit: called with a module that has ended, and its output.

    Raises:
        InfeasibleError: a module cannot take its input.
        UntraceableError: a module needs data: the network runs on the CPU, but not here.
    """
    stack: list[Running] = []

    def enter(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: tuple[Any, ...]) -> None:
            on_switch(stack[-1].name if stack else "")
            tensor = main_tensor(inputs)
            stack.append(
                Running(name, type(module).__name__, () if tensor is None else tuple(tensor.shape))
            )

        return hook

    def leave(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        running = stack.pop()
        on_switch(running.name)
        on_exit(running, main_tensor(output))

    try:
        with ExitStack() as hooks:
            for name, module in net.named_modules():
                hooks.enter_context(module.register_forward_pre_hook(enter(name)))
                hooks.enter_context(module.register_forward_hook(leave))
            yield stack
    except UserError:
        raise
    except NotImplementedError as error:
        raise UntraceableError(untraceable(stack, error)) from error
    except (RuntimeError, ValueError, AssertionError) as error:
        if runs_on_cpu(net, x):
            raise UntraceableError(untraceable(stack, error)) from error
        raise InfeasibleError(failure_message(stack, error)) from error


def runs_on_cpu(net: nn.Module, x: Tensor) -> bool:
    """Return whether a network runs on the CPU, with zeros for weights and samples: torch's errors
    on meta tensors do not show that.
    """
    tensors = [
        tensor
        for module in net.modules()
        for tensor in vars(module).values()
        if isinstance(tensor, Tensor)
    ]
    zeros = {
        id(tensor): torch.zeros_like(tensor, device="cpu") for tensor in (*tensors, *net.buffers())
    }
    zeros |= {
        id(param): nn.Parameter(torch.zeros_like(param, device="cpu"), param.requires_grad)
        for param in net.parameters()
    }
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            copy.deepcopy(net, zeros)(torch.zeros_like(x, device="cpu"))
    except Exception:  # whatever its code raises, it does not run
        return False
    return True


def failure_message(stack: list[Running], error: Exception) -> str:
    """Return the message for a module that cannot take its input."""
    what = first_line(error)
    if not stack:
        return f"the net cannot run: {what}; check that its input shape is the data's"
    return (
        f"the layer {stack[-1]} cannot take {shape_text(stack[-1].in_shape[1:])}: {what}; use a"
        f" larger input than {shape_text(stack[0].in_shape[1:])}, or a net that is less deep or"
        " downsamples less"
    )


def untraceable(stack: list[Running], error: Exception) -> str:
    """Return the message for a module that needs data."""
    where = f"its layer {stack[-1]}" if stack else "it"
    return (
        f"the net cannot be measured without data, because {where} looks at values:"
        f" {first_line(error)}"
    )


def first_line(error: Exception) -> str:
    """Return an error's first line, without a full stop at its end."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(". ") if lines else type(error).__name__
