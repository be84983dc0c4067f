"""Samples grow to their full size over the epochs, masks with them; evaluation is at full size."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from convsweep.data.augment.resizing import Growth, Resize
from convsweep.data.loading.order import TrainOrder
from convsweep.data.sources.digits import Digits
from convsweep.data.sources.scenes import Scenes
from convsweep.errors import UserError


def test_sizes_of_ten_epochs() -> None:
    growth = Growth((32,), 0.5, full_size_from=0.8, size_multiple=4)
    sizes = [growth.size(epoch, 10)[0] for epoch in range(10)]
    # 16, 18, 20, 22, 24, 26, 28 and 30 before rounding
    assert sizes == [16, 16, 20, 24, 24, 24, 28, 32, 32, 32]
    assert growth.smaller_sizes(10) == [(16,), (20,), (24,), (28,)]


@pytest.mark.parametrize(("full_size_from", "max_epochs"), [(1.0, 5), (0.0, 5), (0.75, 1)])
def test_the_last_epoch_is_of_full_size(full_size_from: float, max_epochs: int) -> None:
    growth = Growth((50, 30), 0.3, full_size_from, size_multiple=7)
    assert growth.size(max_epochs - 1, max_epochs) == (50, 30)
    assert growth.size(0, max_epochs) == ((14, 7) if full_size_from == 1 else (50, 30))


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_half_the_size_is_the_mean_of_two_positions_along_each_axis(dim: int) -> None:
    x = torch.randint(0, 256, (3, 2, *[8] * dim), dtype=torch.uint8)
    pool = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[dim - 1]
    small, y = Resize(has_masks=False)(x, torch.arange(3), (4,) * dim)
    torch.testing.assert_close(small, pool(x.float(), 2))
    assert torch.equal(y, torch.arange(3))


@pytest.mark.parametrize("size", [(5, 9), (8, 4)])
def test_masks_are_resized_as_torch_resizes_to_the_nearest_value(size: tuple[int, ...]) -> None:
    y = torch.randint(0, 9, (3, 12, 10))
    _, found = Resize(has_masks=True)(torch.zeros(3, 1, 12, 10), y, size)
    expected = F.interpolate(y[:, None].float(), size, mode="nearest-exact")
    assert torch.equal(found, expected[:, 0].long())


def test_what_has_its_size_is_left_as_it_is() -> None:
    x, y = torch.zeros(2, 1, 8, 8, dtype=torch.uint8), torch.zeros(2, 8, 8)
    assert Resize(has_masks=True)(x, y, (8, 8)) == (x, y)


def test_batches_of_a_resumed_epoch_are_of_its_size() -> None:
    order = TrainOrder(40, 10, 0, size=lambda epoch: (8 + epoch,))
    order.set_epoch(3)
    assert [batch.size for batch in order.batches(2)] == [(11,), (11,)]


def test_a_training_grows_and_its_validation_does_not() -> None:
    data = Digits(batch_size=500, initial_scale=0.5, size_multiple=1)
    strategy = SimpleNamespace(root_device=torch.device("cpu"))
    trainer: Any = SimpleNamespace(
        max_epochs=8, strategy=strategy, global_rank=0, world_size=1, overfit_batches=0
    )
    data.trainer = trainer
    loader, found = data.train_dataloader(), []
    for epoch in range(8):
        loader.sampler.set_epoch(epoch)
        found += list({x.shape[2:] for x, _ in loader})
    assert found == [(4, 4), (5, 5), (5, 5), (6, 6), (7, 7), (7, 7), (8, 8), (8, 8)]
    assert next(iter(data.val_dataloader()))[0].shape[2:] == (8, 8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"initial_scale": 0}, "initial_scale must be a share .*, but is 0"),
        ({"initial_scale": 0.5, "full_size_from": 2}, "full_size_from must be a share"),
        ({"initial_scale": 0.5, "size_multiple": 0.5}, "size_multiple must be a whole number"),
        ({"initial_scale": 0.5, "permute": True}, "data.permute moves positions"),
    ],
)
def test_what_cannot_be_is_refused_before_samples_are_read(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        Scenes(batch_size=4, **options).info  # noqa: B018


def test_a_training_without_an_end_is_refused() -> None:
    with pytest.raises(UserError, match=r"need to know when .*max_epochs=-1"):
        Growth((8, 8), 0.5).smaller_sizes(-1)
