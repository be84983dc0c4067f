"""A small network whose answers are known by hand, and a trained one."""

from pathlib import Path

import pytest
import torch
from torch import nn

from convsweep.explain.synth.context import SynthesisContext
from convsweep.explain.synth.subject import SynthSubject, frozen
from convsweep.models.normalize import Normalize
from convsweep.nets import ConvNet
from convsweep.task import CLASSIFICATION, find_task


def drawn_subject(
    in_shape: tuple[int, ...] = (1, 12, 12), num_classes: int = 3, net: nn.Module | None = None
) -> SynthSubject:
    """Return a network with weights drawn from a fixed seed, for bytes of mean 100 and spread
    50.
    """
    torch.manual_seed(0)
    if net is None:
        net = ConvNet(
            in_shape=in_shape,
            num_classes=num_classes,
            num_stages=2,
            width=8,
            norm="none",
            activation="tanh",
        )
        with torch.no_grad():
            list(net.parameters())[-2].mul_(10)  # a network that is sure of what it sees
    channels = in_shape[0]
    normalize = Normalize(torch.full((channels,), 100.0), torch.full((channels,), 50.0))
    names = tuple(f"class {index}" for index in range(num_classes))
    return SynthSubject(
        frozen(net), normalize, in_shape, names, find_task(CLASSIFICATION), (0.0, 255.0)
    )


@pytest.fixture
def subject() -> SynthSubject:
    return drawn_subject()


@pytest.fixture
def context(subject: SynthSubject, tmp_path: Path) -> SynthesisContext:
    return SynthesisContext(subject, tmp_path / "out", seed=3)
