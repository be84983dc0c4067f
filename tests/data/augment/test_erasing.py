"""A box of each sample is erased as torchvision erases it, in any number of dimensions."""

from typing import Any

import pytest
import torch
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from convsweep.data.augment.erasing import RandomErasing
from convsweep.data.augment.transforms import Augmentation
from convsweep.data.samples import DataInfo
from convsweep.errors import UserError

SIZE = (20, 13)


@pytest.mark.parametrize("value", ["mean", 7])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_same_draws_same_samples(dtype: torch.dtype, value: Any) -> None:
    x = torch.randint(0, 256, (100, 3, *SIZE)).to(dtype)
    step = RandomErasing(value=value)
    drawn = step.draw(100, SIZE, torch.Generator().manual_seed(0))
    changed = step.apply(x, drawn, None, nearest=False)
    for image, result, ((i, h), (j, w)) in zip(x, changed, drawn.tolist(), strict=True):
        mean = image.float().mean((1, 2))
        blank = torch.full((3,), 7) if value == 7 else mean.round() if dtype.itemsize == 1 else mean
        expected = F.erase(image, i, j, h, w, blank.to(dtype)[:, None, None])
        torch.testing.assert_close(result, expected)


def test_boxes_are_spread_as_torchvision_spreads_them() -> None:
    theirs = v2.RandomErasing(p=1.0)
    torch.manual_seed(0)
    drawn = [theirs.make_params([torch.zeros(1, *SIZE)]) for _ in range(3000)]
    expected = torch.tensor([[one["i"], one["h"], one["j"], one["w"]] for one in drawn])
    ours = RandomErasing(p=1.0).draw(3000, SIZE, torch.Generator().manual_seed(0)).view(3000, 4)
    torch.testing.assert_close(ours.double().mean(0), expected.double().mean(0), rtol=0.05, atol=0)
    torch.testing.assert_close(ours.double().std(0), expected.double().std(0), rtol=0.05, atol=0)


@pytest.mark.parametrize("size", [(200,), (24, 20), (12, 10, 9)])
def test_it_erases_its_share_in_any_number_of_dimensions(size: tuple[int, ...]) -> None:
    info = DataInfo((2, *size), 2, ("a", "b"))
    augment = Augmentation([RandomErasing(p=0.7, scale=[0.1, 0.3], value=0)], info, by="batch")
    x, _ = augment(torch.ones(1000, 2, *size), torch.zeros(1000), (0,))
    share = (x == 0).flatten(1).double().mean(1)
    assert float((share > 0).double().mean()) == pytest.approx(0.7, abs=0.05)
    assert float(share[share > 0].mean()) == pytest.approx(0.2, abs=0.02)
    assert torch.equal(x[:, 0], x[:, 1])


def test_masks_stay_also_among_transforms_of_single_samples() -> None:
    info = DataInfo((1, 16, 16), 3, ("a", "b", "c"), "segmentation")
    y = torch.randint(1, 3, (8, 16, 16), dtype=torch.uint8)
    steps = [RandomErasing(p=1.0, value=0), v2.RandomHorizontalFlip(1.0)]
    for by in ("batch", "sample"):
        x, mask = Augmentation(steps, info, by=by)(y[:, None], y, (5,))  # type: ignore[arg-type]
        assert torch.equal(mask, y.flip(2))
        assert torch.equal(x[:, 0][x[:, 0] > 0], mask[x[:, 0] > 0])
        assert (x == 0).flatten(1).any(1).all()


@pytest.mark.parametrize(
    "options", [{"p": 2}, {"scale": [0.3, 0.1]}, {"ratio": [0, 1]}, {"value": "random"}]
)
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=f"{next(iter(options))} of erasing must be"):
        RandomErasing(**options)
