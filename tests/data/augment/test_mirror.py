"""A mirror turns samples of any number of axes, each axis by a draw of its own, and the mask with
them.
"""

import numpy as np
import pytest
import torch
from torchvision.transforms import v2

from convsweep.data.augment.mirror import RandomMirror
from convsweep.data.augment.transforms import Augmentation
from convsweep.data.samples import DataInfo
from convsweep.errors import UserError


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_every_combination_of_axes_comes_and_mask_goes_with_it(dim: int) -> None:
    info = DataInfo((1, *[4] * dim), 200, tuple(map(str, range(200))), "segmentation")
    y = torch.arange(4**dim).reshape([1, *[4] * dim]).repeat(100, *[1] * dim)
    x, mask = Augmentation([RandomMirror(0.5)], info)(y[:, None].float(), y, (1,))
    assert torch.equal(x[:, 0].long(), mask)
    expected = {y[0].flip(axes).numpy().tobytes() for axes in subsets(dim)}
    assert {one.numpy().tobytes() for one in mask} == expected


def subsets(dim: int) -> list[list[int]]:
    return [[axis for axis in range(dim) if number >> axis & 1] for number in range(2**dim)]


def test_only_the_axes_asked_for_are_mirrored() -> None:
    x = torch.arange(24).reshape(1, 2, 3, 4)
    mirrored = RandomMirror(1.0, axes=[2])(x)
    assert isinstance(mirrored, torch.Tensor)
    assert torch.equal(mirrored, x.flip(3))


def test_it_joins_torchvisions_transforms_in_volumes_which_turn_every_slice_alike() -> None:
    info = DataInfo((1, 3, 16, 16), 3, ("a", "b", "c"), "segmentation")
    slice_ = torch.from_numpy(
        np.random.default_rng(0).integers(1, 3, (1, 1, 16, 16)).astype("uint8")
    )
    y = slice_.expand(4, 3, 16, 16).contiguous()
    x, mask = Augmentation([RandomMirror(), v2.RandomRotation(45)], info)(y[:, None], y, (5,))
    assert torch.equal(x[:, 0], mask)
    assert torch.equal(mask, mask[:, :1].expand_as(mask))
    assert not torch.equal(mask, y)


def test_what_cannot_be_is_named() -> None:
    with pytest.raises(UserError, match=r"from 0 to 1, but is 2"):
        RandomMirror(2.0)
    with pytest.raises(UserError, match=r"from 0 to 1 for samples with 2, but are \[2\]"):
        RandomMirror(axes=[2])(torch.zeros(1, 4, 4))
