"""A torchvision classifier as the network of a synthesis, with weights from a file."""

import re
from pathlib import Path
from textwrap import shorten
from typing import Any

import torch
from torch import Tensor, nn

from convsweep.errors import UserError
from convsweep.explain.synth.subject import BYTE, SynthSubject, frozen
from convsweep.models.normalize import Normalize
from convsweep.nets.third_party import AUXILIARY, torchvision_net
from convsweep.task import CLASSIFICATION, find_task
from convsweep.training.device import named_device

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
IMAGENET_CLASSES = 1000

State = dict[str, Tensor]


def from_torchvision(name: str, weights: str | None, device: str = "auto") -> SynthSubject:
    """Return a torchvision classifier with weights from a file (a state_dict for ImageNet or other
    classes), or random ones.

    Raises:
        UserError: there is no such network, or the file does not fit it.
    """
    from torchvision import models

    state = None if weights is None else read_state(Path(weights), name)
    num_classes = IMAGENET_CLASSES if state is None else len(list(state.values())[-1])
    options: dict[str, Any] = {}
    # torchvision's weights of these expect another normalisation
    if name in AUXILIARY and state is not None:
        options = {"init_weights": False, "transform_input": num_classes == IMAGENET_CLASSES}
    net = torchvision_net(name, 3, num_classes, **options)
    if state is not None:
        load_weights(net, state, str(weights), name)
    categories = tuple(models.get_model_weights(name).DEFAULT.meta.get("categories", ()))
    names = (
        categories
        if len(categories) == num_classes
        else tuple(str(index) for index in range(num_classes))
    )
    mean, std = (torch.tensor(values) * 255 for values in (IMAGENET_MEAN, IMAGENET_STD))
    place = named_device(device)
    return SynthSubject(
        frozen(net).to(place),
        Normalize(mean, std).to(place),
        (3, 224, 224),
        names,
        find_task(CLASSIFICATION),
        BYTE,
    )


def read_state(file: Path, name: str) -> State:
    """Return the weights of a file under torchvision's current names, without auxiliary
    classifiers.

    Raises:
        UserError: it is not a state_dict of a classifier.
    """
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:
        raise unfit(file, name, error) from None
    if (
        not isinstance(state, dict)
        or not state
        or not all(isinstance(value, Tensor) for value in state.values())
    ):
        raise unfit(file, name, ValueError("it holds no weights by name; save net.state_dict()"))
    if list(state.values())[-1].dim() == 0:
        raise unfit(file, name, ValueError("it does not end with a classifier"))
    return {
        current_name(key): value
        for key, value in state.items()
        if not key.lower().startswith("aux")
    }


def current_name(key: str) -> str:
    """Return the current name of a weight: old files of DenseNets use `norm.1` for `norm1`."""
    return re.sub(r"(denselayer\d+\.(?:norm|relu|conv))\.([12])\.", r"\1\2.", key)


def load_weights(net: nn.Module, state: State, file: str, name: str) -> None:
    """Load the weights into the network.

    Raises:
        UserError: they belong to another network.
    """
    try:
        net.load_state_dict(state)
    except RuntimeError as error:
        raise unfit(Path(file), name, error) from None


def unfit(file: Path, name: str, error: Exception) -> UserError:
    """Return the error for a file that does not fit, shortened from torch's message."""
    reason = shorten(
        (str(error).splitlines() or [type(error).__name__])[:2][-1], 160, placeholder=" ..."
    )
    return UserError(
        f"torchvision.weights must be a file with the state_dict of {name}, but {file} is not:"
        f" {reason}"
    )
