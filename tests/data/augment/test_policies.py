"""TrivialAugment and RandAugment change a batch as torchvision's functions change its samples, and
draw as torchvision does.
"""

from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from convsweep.data.augment.batch import batch_step
from convsweep.data.augment.policies import MOVES, OPERATIONS, AugmentPolicy
from convsweep.data.augment.transforms import Augmentation
from convsweep.data.samples import DataInfo
from convsweep.errors import UserError

SIZE = (17, 12)
TRIVIAL, RAND = v2.TrivialAugmentWide(), v2.RandAugment(num_ops=3, magnitude=20)


def step_of(transform: Any, size: tuple[int, int] = SIZE) -> AugmentPolicy:
    step = batch_step(transform, size)
    assert isinstance(step, AugmentPolicy)
    return step


def one(image: Tensor, name: str, magnitude: float, bilinear: bool, fill: Any) -> Any:
    """Return an image after one operation by torchvision's functions."""
    how: dict[str, Any] = {
        "interpolation": F.InterpolationMode.BILINEAR if bilinear else F.InterpolationMode.NEAREST,
        "fill": fill,
    }
    angle = float(torch.tensor(magnitude).double().atan().rad2deg())
    moves: dict[str, Any] = {
        "ShearX": {"shear": [angle, 0.0], "translate": [0, 0], "center": [0, 0]},
        "ShearY": {"shear": [0.0, angle], "translate": [0, 0], "center": [0, 0]},
        "TranslateX": {"shear": [0.0, 0.0], "translate": [int(magnitude), 0]},
        "TranslateY": {"shear": [0.0, 0.0], "translate": [0, int(magnitude)]},
    }
    if name in moves:
        return F.affine(image, angle=0.0, scale=1.0, **moves[name], **how)
    changes: dict[str, Any] = {
        "Identity": lambda: image,
        "Rotate": lambda: F.rotate(image, magnitude, **how),
        "Brightness": lambda: F.adjust_brightness(image, 1 + magnitude),
        "Color": lambda: F.adjust_saturation(image, 1 + magnitude),
        "Contrast": lambda: F.adjust_contrast(image, 1 + magnitude),
        "Sharpness": lambda: F.adjust_sharpness(image, 1 + magnitude),
        "Posterize": lambda: F.posterize(image, int(magnitude)),
        "Solarize": lambda: F.solarize(image, 255 * magnitude),
        "AutoContrast": lambda: F.autocontrast(image),
        "Equalize": lambda: F.equalize(image),
    }
    return changes[name]()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("transform", "fill"),
    [(TRIVIAL, None), (RAND, None), (v2.TrivialAugmentWide(interpolation="bilinear", fill=9), 9)],
    ids=["trivial", "rand", "bilinear"],
)
def test_same_draws_same_samples(transform: Any, fill: Any, channels: int) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (300, channels, *SIZE), generator=generator, dtype=torch.uint8)
    step = step_of(transform)
    drawn = step.draw(len(x), SIZE, generator)
    assert set(drawn[..., 0].unique().tolist()) == set(range(len(OPERATIONS)))
    changed, whole = step.apply(x, drawn, fill, nearest=False), 0
    for image, result, rows in zip(x, changed, drawn, strict=True):
        expected = image
        for number, magnitude in rows.tolist():
            name = OPERATIONS[int(number)]
            expected = one(expected, name, magnitude, step.bilinear, fill)
        names = {OPERATIONS[int(number)] for number in rows[:, 0]}
        apart = (result.int() - expected.int()).abs()
        if len(rows) == 1 and not names & set(MOVES):
            assert apart.max() <= 1, names
        whole += int((apart <= 1).float().mean() > 0.9)
    assert whole >= 0.99 * len(x), "only rounding, at the border of two positions, may differ"


@pytest.mark.parametrize(("transform", "operations"), [(TRIVIAL, 1), (RAND, 3)])
def test_draws_are_spread_as_torchvision_spreads_them(transform: Any, operations: int) -> None:
    drawn = step_of(transform).draw(20_000, SIZE, torch.Generator().manual_seed(0))
    assert drawn.shape == (20_000, operations, 2)
    number, magnitude = drawn.view(-1, 2).unbind(1)
    for place, (name, (theirs, signed)) in enumerate(transform._AUGMENTATION_SPACE.items()):
        assert OPERATIONS[place] == name
        found = magnitude[number == place]
        assert len(found) == pytest.approx(len(number) / len(OPERATIONS), rel=0.1)
        among = theirs(31, *SIZE)
        values = torch.zeros(1) if among is None else among.double()
        if transform is RAND and among is not None:
            values = values[20:21]
        expected = torch.cat([values, -values]) if signed else values
        assert set(found.unique().tolist()) == set(expected.unique().tolist()), name


def test_masks_move_with_their_images_and_keep_their_values() -> None:
    info = DataInfo((3, *SIZE), 3, ("a", "b", "c"), "segmentation", ignore_index=255)
    y = torch.randint(1, 3, (200, *SIZE), dtype=torch.uint8)
    x = y[:, None].expand(-1, 3, -1, -1).contiguous()
    changed, mask = Augmentation([TRIVIAL], info)(x, y, (1, 2))
    assert set(mask.unique().tolist()) == {1, 2, 255}
    moved = (mask == 255).flatten(1).any(1)
    inside = (mask != 255)[moved]
    assert torch.equal(changed[moved][:, 0][inside], mask[moved][inside])
    assert 40 < moved.sum() < 90, "five operations of fourteen move"
    assert (mask[~moved] == y[~moved]).flatten(1).all(1).sum() > 100


def test_images_of_numbers_are_refused_before_training() -> None:
    with pytest.raises(UserError, match=r"need images of 8 bits .*, but they are torch\.float32"):
        Augmentation([TRIVIAL], DataInfo((3, *SIZE), 2, ("a", "b"))).rehearse(
            torch.zeros(1, 3, *SIZE), torch.zeros(1)
        )
    with pytest.raises(UserError, match=r"magnitude of RandAugment .* from 0 to 30, .* but is 31"):
        step_of(v2.RandAugment(magnitude=31))


def test_the_values_of_images_are_not_read_to_choose_what_is_done() -> None:
    step, meta = step_of(v2.RandAugment(num_ops=1)), torch.device("meta")
    drawn = step.draw(100, SIZE, torch.Generator().manual_seed(0))
    x = torch.zeros(100, 3, *SIZE, dtype=torch.uint8, device=meta)
    changed = step.apply(x, drawn, None, nearest=False)
    assert (changed.device, changed.shape, changed.dtype) == (meta, x.shape, x.dtype)
