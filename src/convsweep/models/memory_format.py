"""Memory layout of images and volumes: as configured, or chosen for the network and its device."""

import logging
from collections.abc import Sequence
from typing import Literal

import torch
from torch import nn

from convsweep.cost.measure import in_mode

log = logging.getLogger(__name__)

MemoryFormat = Literal["auto", "contiguous", "channels_last"]

# Channels-last format by number of spatial axes; signals have none.
CHANNELS_LAST = {2: torch.channels_last, 3: torch.channels_last_3d}

# Channels that oneDNN takes at once.
CHANNELS_OF_A_REGISTER = 16


def lay_out(
    net: nn.Module, memory_format: MemoryFormat, in_shape: Sequence[int], device: torch.device
) -> torch.memory_format:
    """Convert a network's weights to a memory format, and return the format for its input.

    `auto` is channels last on CPUs with oneDNN, which otherwise reorders input and output of each
    convolution, unless the network fails with it, for instance by a `view` of its feature maps. A
    network with a convolution whose backward pass ends the process (`crashes`) is contiguous on
    such CPUs, whatever the format.

    Args:
        net: on the CPU, or on `device`.
        in_shape: (C, *spatial).
        device: that the network will run on.
    """
    channels_last = CHANNELS_LAST.get(len(in_shape) - 1, torch.contiguous_format)
    onednn = device.type == "cpu" and torch.backends.mkldnn.is_available()
    safe = not (onednn and any(map(crashes, net.modules())))
    if memory_format == "channels_last" and safe:
        net.to(memory_format=channels_last)
        return channels_last
    if memory_format == "channels_last":
        log.warning(
            "model.memory_format=contiguous in place of channels_last: torch crashes there on the"
            " CPU for strided 1x1 convolutions of fewer than %d channels",
            CHANNELS_OF_A_REGISTER,
        )
    if memory_format == "auto" and onednn and safe and runs(net, in_shape, channels_last):
        return channels_last
    net.to(memory_format=torch.contiguous_format)
    return torch.contiguous_format


def crashes(module: nn.Module) -> bool:
    """Return whether the backward pass of a module in channels last may write beyond its memory.

    oneDNN of torch 2.15 does so for 1x1 convolutions with a step and fewer than 16 input channels,
    such as the shortcut of a narrow residual stage.
    """
    return (
        isinstance(module, nn.Conv2d)
        and max(module.kernel_size) == 1
        and max(module.stride) > 1
        and module.groups == 1
        and module.in_channels < CHANNELS_OF_A_REGISTER
    )


def runs(net: nn.Module, in_shape: Sequence[int], layout: torch.memory_format) -> bool:
    """Return whether a network on the CPU runs in a memory format, by a trial with one sample."""
    sample = torch.zeros(1, *in_shape).contiguous(memory_format=layout)
    try:
        net.to(memory_format=layout)
        with in_mode(net, training=False), torch.no_grad(), torch.random.fork_rng(devices=[]):
            net(sample)
    except RuntimeError:
        return False
    return True
