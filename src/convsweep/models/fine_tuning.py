"""Fine-tuning: parts of a network that do not train, learning rates that fall towards the input."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

from torch import nn

from convsweep.errors import UserError

# Parts from the input on: none, all but the last (`body`), or a number of them.
Frozen: TypeAlias = Literal["none", "body"] | int


@runtime_checkable
class HasDepthParts(Protocol):
    """A network that names its parts from the input to the output."""

    def depth_parts(self) -> Iterable[tuple[str, nn.Module]]: ...


def depth_parts(net: nn.Module) -> list[tuple[str, nn.Module]]:
    """Return the parts of a network that learn, by name, from the input to the output.

    A network says so by a method `depth_parts`; otherwise its children are its parts, as they
    follow each other.
    """
    named = net.depth_parts() if isinstance(net, HasDepthParts) else net.named_children()
    return [(name, part) for name, part in named if any(True for _ in part.parameters())]


def frozen_parts(net: nn.Module, frozen: Frozen) -> list[nn.Module]:
    """Return the parts that do not train.

    Raises:
        UserError: it is no such number, or would leave nothing to train.
    """
    if frozen == "none":
        return []
    parts = depth_parts(net)
    count = len(parts) - 1 if frozen == "body" else frozen
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count < len(parts):
        names = ", ".join(name for name, _ in parts)
        raise UserError(
            f"model.frozen must be none, body, or a number of parts from 0 to {len(parts) - 1}"
            f" (of {names}), but is {frozen!r}"
        )
    return [part for _, part in parts[:count]]


def check_lr_decay(lr_decay: float) -> None:
    """Raise `UserError` unless a factor lies above 0 and at most at 1."""
    if not 0 < lr_decay <= 1:
        raise UserError(f"model.lr_decay must be a factor, 0 < lr_decay <= 1, but is {lr_decay!r}")


def groups_by_depth(net: nn.Module, lr_decay: float) -> Iterator[tuple[float, list[nn.Parameter]]]:
    """Yield the factor of the learning rate and the parameters of each part of a network.

    The last part has the factor 1 and every part `lr_decay` times that of the part after it (Howard
    and Ruder 2018; Bao et al. 2022). Parameters of the network that belong to no part go with the
    first.
    """
    parts = [list(part.parameters()) for _, part in depth_parts(net)]
    known = {id(parameter) for part in parts for parameter in part}
    parts[0] = [p for p in net.parameters() if id(p) not in known] + parts[0]
    for index, parameters in enumerate(parts):
        yield lr_decay ** (len(parts) - 1 - index), parameters


def decay_groups(
    parameters: Sequence[nn.Parameter], decay_norm_and_bias: bool, **options: Any
) -> list[dict[str, Any]]:
    """Return parameter groups with and without weight decay; empty ones are left out.

    Args:
        parameters: those that do not train are left out.
        decay_norm_and_bias: one group, all with weight decay.
        options: of every group.
    """
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    if decay_norm_and_bias:
        groups: list[dict[str, Any]] = [{"params": trained}]
    else:
        groups = [
            {"params": [parameter for parameter in trained if parameter.dim() > 1]},
            {
                "params": [parameter for parameter in trained if parameter.dim() <= 1],
                "weight_decay": 0.0,
            },
        ]
    return [group | options for group in groups if group["params"]]
