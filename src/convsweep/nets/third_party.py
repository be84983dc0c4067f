"""Classifiers of torchvision, fitted to the channels and classes of the data."""

from typing import Any

from torch import nn

from convsweep.errors import UserError, did_you_mean


def torchvision_net(name: str, in_channels: int, num_classes: int, weights: str | None = None, **options: Any) -> nn.Module:
    """Return a torchvision classifier by name.

    The first convolution is made anew unless the data has the channels it takes; with `weights` the last linear
    layer is made anew for `num_classes`.

    Args:
        name: as `torchvision.models.list_models` has it.
        weights: a weights entry such as `DEFAULT`; torchvision downloads it. null draws them.
        options: handed on to the network's constructor.

    Raises:
        UserError: an unknown name.
    """
    from torchvision.models import get_model, list_models

    if name not in list_models():
        raise UserError(f"net.name={name!r} is not a model of torchvision; {did_you_mean(name, list_models())}")
    net = get_model(name, weights=weights, **options, **({} if weights else {"num_classes": num_classes}))
    conv_name, conv = next((path, module) for path, module in net.named_modules() if isinstance(module, nn.Conv2d))
    if conv.in_channels != in_channels:
        replace(net, conv_name, like(conv, in_channels))
    if weights:
        head_name, head = [(path, module) for path, module in net.named_modules() if isinstance(module, nn.Linear)][-1]
        replace(net, head_name, nn.Linear(head.in_features, num_classes))
    return net


def like(conv: nn.Conv2d, in_channels: int) -> nn.Conv2d:
    """Return a new convolution that differs from `conv` in its input channels."""
    return nn.Conv2d(
        in_channels,
        conv.out_channels,
        conv.kernel_size,  # type: ignore[arg-type]
        conv.stride,  # type: ignore[arg-type]
        conv.padding,  # type: ignore[arg-type]
        conv.dilation,  # type: ignore[arg-type]
        bias=conv.bias is not None,
    )


def replace(net: nn.Module, path: str, module: nn.Module) -> None:
    """Put `module` in the place of the submodule at a dotted path."""
    parent, _, name = path.rpartition(".")
    setattr(net.get_submodule(parent), name, module)
