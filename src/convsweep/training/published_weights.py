"""Published weights of torchvision's classifiers for our presets of the same networks, and for the
encoders of U-Nets.
"""

from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.parse import urlparse

import torch
from torch import Tensor, nn

from convsweep.errors import UserError
from convsweep.nets.convnet import ConvNet
from convsweep.nets.layer_kinds import Convolution
from convsweep.nets.torchvision_weights import copy_in_order, weights_in_order
from convsweep.nets.unet import UNet

if TYPE_CHECKING:
    from torchvision.models import WeightsEnum

    from convsweep.models.base import Model

# What torchvision's published weights were trained on.
IMAGENET_CHANNELS, IMAGENET_CLASSES = 3, 1000
FILES = {".pth", ".pt"}
BYTES = 255.0


def is_published(named: str) -> bool:
    """Return whether `init_from` names weights in torchvision's form: `imagenet`, an address or a
    file.
    """
    return named == "imagenet" or bool(urlparse(named).netloc) or Path(named).suffix in FILES


def begin_with_published(model: "Model", named: str) -> str:
    """Give a model's network weights in torchvision's form and the normalisation they were trained
    with, and return what was taken.

    The first convolution is adapted to other channels: a single one gets the sum over red, green
    and blue, so that a grey image has the answers it had as three equal ones; other numbers get
    the three in turn, scaled to the same sum. A last layer of other classes stays as it was drawn;
    a `UNet` takes stem and stages for its encoder.

    Args:
        model: a model of a `ConvNet`, or of a `UNet` whose encoder is one, that has not been
            trained.
        named: `imagenet` (downloaded by torchvision, once), the address or path of a state dict.

    Raises:
        UserError: no torchvision network is the model's, the weights do not fit, or cannot be read.
    """
    net = model.net
    enum = published_weights(net) if named == "imagenet" else None
    state = weights_in_order(read(named, enum))
    source = f"{enum} of torchvision" if enum is not None else named
    try:
        if isinstance(net, UNet):
            taken = fill_encoder(net, state, source)
        else:
            taken = fill_classifier(net, state, source)
    except UserError as error:
        raise UserError(f"init_from={named} does not fit model.net: {error}") from None
    if enum is not None and model.normalize.mean.numel() in (1, IMAGENET_CHANNELS):
        normalise_as(model, enum)
    return taken


def fill_classifier(net: nn.Module, state: list[Tensor], source: str) -> str:
    """Give a classifier its weights, and return what was taken from `source`."""
    own = weights_in_order(net.state_dict())
    last = outer_layers(net)[1]
    kept = 0
    if len(state) == len(own) and len(state[-1]) != len(own[-1]):
        kept = 2 if last.bias is not None else 1
        state[-kept:] = own[-kept:]
    copy_adapted(state, net)
    anew = f"; random: the last layer, for {net.num_classes} classes" if kept else ""
    return f"{len(own) - kept} of {len(own)} weights and statistics from {source}{anew}"


def fill_encoder(net: UNet, state: list[Tensor], source: str) -> str:
    """Give the encoder of a U-Net the weights of a classifier, which has its head after them, and
    return what was taken from `source`.
    """
    encoder = net.encoder_in_order()
    number = len(weights_in_order(encoder.state_dict()))
    copy_adapted(state[:number], encoder)
    return f"{number} weights and statistics of the encoder from {source}; random: the decoder"


def copy_adapted(state: list[Tensor], net: nn.Module) -> None:
    """Copy weights to a network of the same layers, the first to its number of channels."""
    first = adapt_channels(state[0], outer_layers(net)[0].in_channels)
    copy_in_order({str(i): value for i, value in enumerate([first, *state[1:]])}, net)


def published_weights(net: nn.Module) -> "WeightsEnum":
    """Return torchvision's best weights for the network that `net` is, or that its encoder is of.

    It is recognised by its number of parameters with 3 channels and 1,000 classes.

    Raises:
        UserError: torchvision has none.
    """
    from torchvision import models

    net = whole_encoder(net) if isinstance(net, UNet) else net
    first, last = outer_layers(net)
    count = sum(parameter.numel() for parameter in net.parameters())
    count += first.weight[:, :1].numel() * (IMAGENET_CHANNELS - first.in_channels)
    a_class = last.weight[0].numel() + (last.bias is not None)
    count += a_class * (IMAGENET_CLASSES - len(last.weight))
    for name in models.list_models(module=models):
        best: Any = models.get_model_weights(name).DEFAULT
        if best.meta["num_params"] == count:
            found: WeightsEnum = best
            return found
    raise UserError(
        f"init_from=imagenet needs one of torchvision's networks, but none has {count:,}"
        " parameters (with 3 channels and 1,000 classes); choose a preset such as"
        " model/net=resnet18, or model/net=torchvision or timm, which have weights of their own"
    )


def whole_encoder(net: UNet) -> ConvNet:
    """Return the network that the encoder of a U-Net is of, with its head, on the meta device.

    Raises:
        UserError: the encoder is of its own.
    """
    if not isinstance(net.options.encoder, Mapping):
        raise UserError(
            "init_from=imagenet needs a U-Net whose encoder is one of torchvision's networks, with"
            " net.num_params=null; choose model/net=unet_resnet18, or"
            " +model/net@model.net.encoder=resnet34"
        )
    with torch.device("meta"):
        spatial = [-(-size // net.multiple) * net.multiple for size in net.in_shape[1:]]
        return ConvNet((net.in_shape[0], *spatial), IMAGENET_CLASSES, **net.options.encoder)


def outer_layers(net: nn.Module) -> "tuple[Convolution, nn.Linear | Convolution]":
    """Return the first convolution and the last layer of a network.

    Raises:
        UserError: it does not begin with a convolution.
    """
    layers = [module for module in net.modules() if isinstance(module, nn.Linear | Convolution)]
    if not layers or not isinstance(layers[0], Convolution):
        raise UserError("init_from needs a network that begins with a convolution for such weights")
    return layers[0], layers[-1]


def read(named: str, enum: "WeightsEnum | None") -> Mapping[str, Tensor]:
    """Return a state dict, downloaded where it is not in torch's cache.

    Raises:
        UserError: it cannot be had, or holds something else.
    """
    try:
        if enum is not None:
            state: Any = enum.get_state_dict(check_hash=True)
        elif urlparse(named).netloc:
            state = torch.hub.load_state_dict_from_url(named, map_location="cpu", weights_only=True)
        else:
            state = torch.load(Path(named).expanduser(), map_location="cpu", weights_only=True)
    except (URLError, OSError, UnpicklingError, RuntimeError) as error:
        raise UserError(
            f"init_from={named} cannot be read: {str(error).splitlines()[0]}; name a file with a"
            " state dict, init_from=FILE.pth, where there is no network"
        ) from None
    if not isinstance(state, Mapping) or not all(isinstance(x, Tensor) for x in state.values()):
        raise UserError(f"init_from={named} must hold a state dict: tensors by name")
    return state


def adapt_channels(weight: Tensor, in_channels: int) -> Tensor:
    """Return the first weight (C_out, C, *) for other input channels (C_out, in_channels, *)."""
    theirs = weight.shape[1]
    if theirs == in_channels:
        return weight
    if in_channels == 1:
        return weight.sum(1, keepdim=True)
    turns = torch.arange(in_channels) % theirs
    return weight[:, turns] * (theirs / in_channels)


def normalise_as(model: "Model", enum: "WeightsEnum") -> None:
    """Give a model the normalisation that published weights were trained with."""
    transforms: Any = enum.transforms()
    own = model.normalize.mean
    mean, std = torch.tensor(transforms.mean), torch.tensor(transforms.std)
    if own.numel() == 1:
        mean, std = mean.mean(0, keepdim=True), std.mean(0, keepdim=True)
    # torchvision's are for pictures from 0 to 1; ours are bytes unless they were given as numbers
    units = BYTES if own.max() > 1 else 1.0
    model.normalize.mean.copy_(mean * units)
    model.normalize.scale.copy_(1 / (std * units))
