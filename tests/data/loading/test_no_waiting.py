"""Making a batch never waits for the GPU that holds the samples: a tensor that says where it lies
has no values to be read.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torchvision.transforms import v2

from convsweep.data.augment.erasing import RandomErasing
from convsweep.data.augment.mixing import Mixing
from convsweep.data.augment.transforms import Augmentation
from convsweep.data.loading.batches import Gather
from convsweep.data.loading.order import Batch
from convsweep.data.loading.placement import OnDevice
from convsweep.data.samples import DataInfo, Samples

GPU = torch.device("cuda", 0)
FACTS = DataInfo((3, 8, 8), 10, tuple("abcdefghij"))
CROP_FLIP, REFLECT = (
    [v2.RandomCrop(8, padding=2), v2.RandomHorizontalFlip()],
    [v2.RandomCrop(8, padding=2, padding_mode="reflect")],
)
ERASE = [RandomErasing()]
AFFINE, TURN = (
    [v2.RandomAffine(10, translate=(0.1, 0.1), scale=(0.9, 1.1))],
    [v2.RandomRotation(20, fill=3)],
)


class Copies(TorchDispatchMode):
    """Collects the copies from one device to another, and whether they wait."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[bool] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        tensors = [value for value in (*args, out) if isinstance(value, Tensor) and value.dim() > 0]
        if "copy" in str(func) and len({tensor.device.type for tensor in tensors}) > 1:
            self.waits.append(not (kwargs or {}).get("non_blocking", len(args) > 2 and args[2]))
        return out


@pytest.fixture
def copies() -> Iterator[Copies]:
    with FakeTensorMode(allow_non_fake_inputs=True), Copies() as found:
        try:
            torch.zeros(2, device=GPU)[:1]
        except RuntimeError:  # torch 2.8 asks for the device itself
            pytest.skip("this torch cannot index tensors that only say where they lie")
        yield found


def test_what_waits_is_noticed(copies: Copies) -> None:
    with pytest.raises(DataDependentOutputException):
        torch.zeros(1, device=GPU).item()
    torch.zeros(3).to(GPU)
    torch.zeros(3).to(GPU, non_blocking=True)
    torch.zeros(3, device=GPU).cpu()
    assert copies.waits == [True, False, True]


@pytest.mark.parametrize("transforms", [None, CROP_FLIP, REFLECT, AFFINE, TURN, ERASE])
def test_batches_are_made_without_waiting(copies: Copies, transforms: list[Any] | None) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (16, 3, 8, 8)).astype(np.uint8), rng.integers(0, 10, 16)
    gather = Gather(
        Samples(x, y, [str(number) for number in range(16)]),
        Augmentation(transforms, FACTS) if transforms else None,
    )
    place = OnDevice(gather, GPU)
    copies.waits.clear()
    made, labels = place[Batch(np.arange(4), (0, 1, 2))]
    assert (made.device, made.shape, made.dtype) == (GPU, (4, 3, 8, 8), torch.uint8)
    assert (labels.device, labels.shape) == (GPU, (4,))
    assert copies.waits, "indices, and draws"
    assert not any(copies.waits)


@pytest.mark.parametrize("option", ["mixup_alpha", "cutmix_alpha"])
def test_batches_are_mixed_without_waiting(copies: Copies, option: str) -> None:
    x = torch.zeros(4, 3, 8, 8, dtype=torch.uint8, device=GPU)
    copies.waits.clear()
    y = torch.zeros(4, dtype=torch.int64, device=GPU)
    mixed, shares = Mixing(FACTS.kind, 10, **{option: 1.0})(x, y, (0, 1, 2))
    assert (mixed.device, shares.device, shares.shape) == (GPU, GPU, (4, 10))
    assert not any(copies.waits)
