"""Classifiers of torchvision, adapted to the channels and classes of the data."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from convsweep.errors import UserError, did_you_mean
from convsweep.nets.blocks import CONV

CONVS: tuple[type[nn.Module], ...] = tuple(CONV.values())
LAYERS: tuple[type[nn.Module], ...] = (nn.Linear, *CONVS)
# Networks that also return logits of auxiliary classifiers by default.
AUXILIARY = ("googlenet", "inception_v3")


def torchvision_net(
    name: str, in_channels: int, num_classes: int, weights: str | None = None, **options: Any
) -> nn.Module:
    """Return a torchvision classifier of images or videos by name.

    The first convolution is replaced unless it fits the channels of the data; with `weights` the
    last layer is replaced by one for `num_classes`.

    Args:
        name: as `torchvision.models.list_models` has it.
        weights: a weights entry such as `DEFAULT`; torchvision downloads it. null: random weights.
        options: passed to the network's constructor.

    Raises:
        UserError: an unknown name, or weights that cannot be downloaded.
    """
    from torchvision import models

    classifiers = [*models.list_models(module=models), *models.list_models(module=models.video)]
    if name not in classifiers:
        raise UserError(
            f"{name!r} is not a classifier of torchvision; {did_you_mean(name, classifiers)}"
        )
    if weights is None:
        main_only = {"aux_logits": False, "init_weights": True} if name in AUXILIARY else {}
        options = {"num_classes": num_classes, **main_only, **options}
    try:
        net: nn.Module = models.get_model(name, weights=weights, **options)
    except OSError as error:  # of the download
        address = models.get_model_weights(name)[weights].url
        folder = Path(torch.hub.get_dir()) / "checkpoints"
        raise UserError(
            f"model.net.weights={weights} is downloaded, which failed ({error}); put the file of"
            f" {address} into {folder}"
        ) from error
    layers = {path: module for path, module in net.named_modules() if isinstance(module, LAYERS)}
    first_path, first = next(
        (path, module) for path, module in layers.items() if isinstance(module, CONVS)
    )
    if first.in_channels != in_channels:
        replace(net, first_path, like(first, in_channels=in_channels))
    if weights is not None:
        last_path, last = list(layers.items())[-1]
        width = "out_features" if isinstance(last, nn.Linear) else "out_channels"
        replace(net, last_path, like(last, **{width: num_classes}))
    return net


def like(layer: nn.Module, **changed: Any) -> nn.Module:
    """Return a new convolution or linear layer that differs from `layer` only in the arguments
    `changed`.
    """
    names = (
        ("in_features", "out_features")
        if isinstance(layer, nn.Linear)
        else (
            "in_channels",
            "out_channels",
            "kernel_size",
            "stride",
            "padding",
            "dilation",
            "groups",
            "padding_mode",
        )
    )
    arguments = {name: getattr(layer, name) for name in names}
    return type(layer)(**{**arguments, "bias": layer.bias is not None, **changed})


def replace(net: nn.Module, path: str, module: nn.Module) -> None:
    """Replace the submodule at a dotted path by `module`."""
    parent, _, name = path.rpartition(".")
    setattr(net.get_submodule(parent), name, module)
