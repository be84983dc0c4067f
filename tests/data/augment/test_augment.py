"""Every sample has draws of its own, image and mask move together, and the draws repeat."""

import numpy as np
import pytest
import torch
from torchvision.transforms import v2

from convsweep.data.augment.transforms import Augmentation
from convsweep.data.samples import DataInfo
from convsweep.data.sources.digits import Digits
from convsweep.errors import UserError

IMAGES = DataInfo((1, 8, 8), 2, ("a", "b"))
MASKS = DataInfo((1, 16, 16), 3, ("a", "b", "c"), "segmentation")
IGNORING = DataInfo((1, 16, 16), 3, ("a", "b", "c"), "segmentation", ignore_index=255)


def ramp(count: int = 64, size: int = 8) -> torch.Tensor:
    """The same picture many times, which no flip leaves as it is."""
    return (
        torch.arange(size * size, dtype=torch.uint8)
        .reshape(1, 1, size, size)
        .repeat(count, 1, 1, 1)
    )


def test_draws_are_per_sample() -> None:
    x, _ = Augmentation([v2.RandomHorizontalFlip(0.5)], IMAGES)(ramp(), torch.zeros(64), (1,))
    flipped = (x != ramp()).flatten(1).any(1).sum()
    assert 16 < flipped < 48


def test_shifts_of_a_batch_are_many() -> None:
    x, _ = Augmentation([v2.RandomCrop(8, padding=4)], IMAGES)(ramp(), torch.zeros(64), (1,))
    assert len(torch.unique(x.flatten(1), dim=0)) > 30


def test_the_seed_decides_and_the_global_generator_is_untouched() -> None:
    augment = Augmentation([v2.RandomCrop(8, padding=4)], IMAGES)
    before = torch.random.get_rng_state()
    first = augment(ramp(), torch.zeros(64), (1, 2, 3))[0]
    assert torch.equal(first, augment(ramp(), torch.zeros(64), (1, 2, 3))[0])
    assert not torch.equal(first, augment(ramp(), torch.zeros(64), (1, 2, 4))[0])
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize(
    "step",
    [
        v2.RandomHorizontalFlip(0.5),
        v2.RandomVerticalFlip(0.5),
        v2.RandomCrop(16, padding=4),
        v2.RandomApply([v2.RandomCrop(16, padding=4)]),
    ],
)
def test_image_and_mask_move_together(step: torch.nn.Module) -> None:
    y = torch.from_numpy(np.random.default_rng(0).integers(1, 3, (32, 16, 16)).astype("uint8"))
    x, mask = Augmentation([step], MASKS)(y[:, None], y, (5,))
    assert torch.equal(x[:, 0], mask)
    assert not torch.equal(mask, y)


@pytest.mark.parametrize(
    "step",
    [
        v2.RandomRotation(45),
        v2.RandomAffine(45, (0.2, 0.2)),
        v2.ElasticTransform(20.0, 2.0),
        v2.RandomPerspective(p=1.0),
    ],
)
def test_masks_are_not_interpolated_and_uncovered_places_are_ignored(step: torch.nn.Module) -> None:
    y = torch.from_numpy(np.random.default_rng(0).integers(1, 3, (8, 16, 16)).astype("uint8"))
    x = torch.full((8, 1, 16, 16), 200, dtype=torch.uint8)
    ignoring = Augmentation([step], IGNORING)(x, y, (5,))[1].unique().tolist()
    assert {1, 2} <= set(ignoring) <= {1, 2, 255}
    assert set(Augmentation([step], MASKS)(x, y, (5,))[1].unique().tolist()) <= {0, 1, 2}
    if isinstance(step, v2.RandomRotation):
        assert 255 in ignoring


def test_what_a_transform_without_a_fill_uncovers_is_ignored_too() -> None:
    padded = v2.Compose([v2.CenterCrop(24), v2.RandomCrop(16)])
    x = torch.full((16, 1, 16, 16), 9, dtype=torch.uint8)
    x, y = Augmentation([padded], IGNORING)(x, torch.ones(16, 16, 16, dtype=torch.uint8), (3,))
    assert torch.equal(y == 255, x[:, 0] == 0)
    assert (y == 255).any()


def test_a_colour_does_not_fill_masks() -> None:
    with pytest.raises(
        UserError,
        match=r"fill of RandomRotation in data.augment must be one number, .* but is \[1, 2, 3\]",
    ):
        Augmentation([v2.RandomApply([v2.RandomRotation(45, fill=[1, 2, 3])])], MASKS)


def test_colour_changes_leave_masks_alone() -> None:
    info = DataInfo((3, 16, 16), 3, ("a", "b", "c"), "segmentation")
    y = torch.ones(4, 16, 16, dtype=torch.uint8)
    x, mask = Augmentation([v2.ColorJitter(0.5)], info)(
        torch.full((4, 3, 16, 16), 100, dtype=torch.uint8), y, (5,)
    )
    assert torch.equal(mask, y)
    assert len(x[:, 0, 0, 0].unique()) == 4


def test_labels_pass_unchanged_and_input_is_not_written() -> None:
    x, y = ramp(), torch.arange(64)
    assert torch.equal(Augmentation([v2.RandomHorizontalFlip(1.0)], IMAGES)(x, y, (1,))[1], y)
    assert torch.equal(x, ramp())


@pytest.mark.parametrize("step", [v2.Resize(4), v2.ToDtype(torch.float32, scale=True)])
def test_a_transform_that_changes_shape_or_dtype_is_named_before_training(
    step: torch.nn.Module,
) -> None:
    with pytest.raises(
        UserError, match=r"must keep shape and dtype, but made \(1, 8, 8\) torch.uint8 into"
    ):
        Digits(batch_size=8, augment=[step]).setup()


def test_a_transform_that_cannot_work_is_named_before_training() -> None:
    with pytest.raises(
        UserError,
        match=r"data\.augment cannot be applied to samples of shape .*larger than input image size",
    ):
        Digits(batch_size=8, augment=[v2.RandomCrop(20)]).setup()


def test_signals_are_not_augmented_as_images() -> None:
    with pytest.raises(UserError, match=r"RandomHorizontalFlip .* use data/augment=none"):
        Augmentation([v2.RandomHorizontalFlip()], DataInfo((1, 40), 2, ("a", "b")))


def test_training_is_augmented_and_evaluation_is_not() -> None:
    plain, flipped = (
        Digits(batch_size=50),
        Digits(batch_size=50, augment={"flip": v2.RandomHorizontalFlip(1.0)}),
    )
    assert torch.equal(
        next(iter(plain.val_dataloader()))[0], next(iter(flipped.val_dataloader()))[0]
    )
    assert torch.equal(
        next(iter(plain.train_dataloader()))[0].flip(3), next(iter(flipped.train_dataloader()))[0]
    )
