"""With the same draws a batch is changed at once as torchvision changes its samples, and the draws
are as torchvision's.
"""

from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from convsweep.data.augment.batch import batch_step
from convsweep.data.augment.transforms import Augmentation, fill_of
from convsweep.data.samples import DataInfo
from convsweep.errors import UserError

SIZE = (12, 10)
FACTS = DataInfo((3, *SIZE), 3, ("a", "b", "c"), "segmentation", ignore_index=255)
BILINEAR = v2.InterpolationMode.BILINEAR


def flip(transform: Any, image: Tensor, drawn: Tensor) -> Tensor:
    mirror = (
        F.horizontal_flip if isinstance(transform, v2.RandomHorizontalFlip) else F.vertical_flip
    )
    return mirror(image) if drawn else image


def crop(transform: Any, image: Tensor, drawn: Tensor) -> Any:
    left, right, top, bottom = transform.padding
    params = {
        "top": int(drawn[0]),
        "left": int(drawn[1]),
        "height": SIZE[0],
        "width": SIZE[1],
        "needs_crop": True,
    }
    return transform.transform(
        image, params | {"needs_pad": True, "padding": [left, top, right, bottom]}
    )


def affine(transform: Any, image: Tensor, drawn: Tensor) -> Any:
    angle, tx, ty, scale, *shear = drawn.tolist()
    return transform.transform(
        image, {"angle": angle, "translate": (tx, ty), "scale": scale, "shear": tuple(shear)}
    )


def rotate(transform: Any, image: Tensor, drawn: Tensor) -> Any:
    return transform.transform(image, {"angle": -float(drawn[0])})


CASES = [
    (v2.RandomHorizontalFlip(0.5), flip),
    (v2.RandomVerticalFlip(0.3), flip),
    (v2.RandomCrop(SIZE, padding=[3, 1, 2, 4], fill=7), crop),
    *(
        (v2.RandomCrop(SIZE, padding=[3, 1, 2, 4], padding_mode=mode), crop)
        for mode in ("reflect", "edge", "symmetric")
    ),
    (v2.RandomAffine(30, (0.2, 0.3), (0.7, 1.4), (-10, 10, -5, 5)), affine),
    (
        v2.RandomAffine(30, (0.2, 0.3), (0.7, 1.4), (-10, 10), interpolation=BILINEAR, fill=9),
        affine,
    ),
    (v2.RandomAffine(180, scale=(0.5, 2.0), fill=9), affine),
    (v2.RandomRotation(180), rotate),
    (v2.RandomRotation((10, 80), interpolation=BILINEAR, fill=200), rotate),
]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize(("transform", "one"), CASES, ids=lambda value: type(value).__name__)
def test_same_draws_same_samples(transform: Any, one: Any, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (64, 3, *SIZE), generator=generator).to(dtype)
    step = batch_step(transform, SIZE)
    assert step is not None
    drawn = step.draw(64, SIZE, generator)
    expected = torch.stack(
        [
            one(transform, tv_tensors.Image(image), row).as_subclass(Tensor)
            for image, row in zip(x, drawn, strict=True)
        ]
    )
    changed = step.apply(x, drawn, fill_of(transform), nearest=False)
    assert changed.dtype == dtype
    close = (changed.float() - expected.float()).abs() <= (1 if dtype == torch.uint8 else 1e-2)
    assert close.float().mean() > 0.999, "only rounding at the border of two positions may differ"
    assert (changed != x).any()


@pytest.mark.parametrize(("transform", "one"), CASES, ids=lambda value: type(value).__name__)
def test_draws_are_spread_as_torchvision_spreads_them(transform: Any, one: Any) -> None:
    x = torch.zeros(1, 1, *SIZE, dtype=torch.uint8)
    torch.manual_seed(0)
    theirs = [params_of(transform, transform.make_params([x])) for _ in range(2000)]
    step = batch_step(transform, SIZE)
    assert step is not None
    ours = step.draw(2000, SIZE, torch.Generator().manual_seed(0)).double().reshape(2000, -1)
    expected = torch.tensor(theirs, dtype=torch.float64).reshape(2000, -1)
    for column, other in zip(ours.T, expected.T, strict=True):
        spread = float(other.std()) + 1e-12
        assert abs(float(column.mean() - other.mean())) < 0.15 * spread + 1e-9
        assert float(column.std()) == pytest.approx(float(other.std()), rel=0.1, abs=1e-9)
        assert float(column.min()) == pytest.approx(float(other.min()), abs=0.2 * spread + 1e-9)
        assert float(column.max()) == pytest.approx(float(other.max()), abs=0.2 * spread + 1e-9)


def params_of(transform: Any, params: dict[str, Any]) -> list[float]:
    """Return torchvision's draws in the order of ours."""
    if isinstance(transform, v2.RandomHorizontalFlip | v2.RandomVerticalFlip):
        return [float(torch.rand(1) < transform.p)]
    if isinstance(transform, v2.RandomCrop):
        return [params["top"], params["left"]]
    if isinstance(transform, v2.RandomRotation):
        return [-params["angle"], 0, 0, 1, 0, 0]
    return [params["angle"], *params["translate"], params["scale"], *params["shear"]]


def test_masks_move_with_their_images_and_keep_their_values() -> None:
    y = torch.randint(1, 3, (32, *SIZE), dtype=torch.uint8)
    steps = [
        v2.RandomHorizontalFlip(),
        v2.RandomAffine(40, (0.3, 0.3), interpolation=BILINEAR),
        v2.RandomCrop(SIZE, padding=2),
    ]
    augment = Augmentation(steps, FACTS)
    assert augment.batched is not None
    x, mask = augment(y[:, None].expand(-1, 3, -1, -1).contiguous(), y, (1, 2))
    assert set(mask.unique().tolist()) == {1, 2, 255}
    inside = mask != 255
    assert (x[:, 0][inside] == mask[inside]).float().mean() > 0.6, (
        "bilinear images differ from nearest masks at edges only"
    )


def test_what_is_not_there_for_batches_is_done_by_sample() -> None:
    too_wide = v2.RandomCrop(SIZE, padding=10, padding_mode="reflect")
    for step in (
        v2.ElasticTransform(),
        v2.RandomCrop(8, padding=1),
        too_wide,
        v2.RandomRotation(10, expand=True),
        v2.ColorJitter(0.5),
    ):
        assert Augmentation([v2.RandomHorizontalFlip(), step], FACTS).batched is None
    with pytest.raises(
        UserError,
        match=(
            r"augment_by=batch needs .* RandomHorizontalFlip, ElasticTransform; use auto or sample"
        ),
    ):
        Augmentation([v2.RandomHorizontalFlip(), v2.ElasticTransform()], FACTS, by="batch")
    assert Augmentation([v2.RandomHorizontalFlip()], FACTS, by="sample").batched is None
