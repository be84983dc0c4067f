"""Crops lie inside their sample or around it, show what they shall, and are drawn anew every
epoch.
"""

import numpy as np
import pytest

from convsweep.data.loading.array_types import Ragged
from convsweep.data.loading.crops import Crops
from convsweep.data.loading.order import Batch, TrainOrder
from convsweep.data.samples import Samples


def samples(*shapes: tuple[int, ...]) -> Samples:
    """Return samples whose values are their positions' numbers; three positions of each are of
    class 1 or 2.
    """
    x = [np.arange(np.prod(shape), dtype=np.float32).reshape(shape) for shape in shapes]
    y = [np.zeros(shape, np.uint8) for shape in shapes]
    for each in y:
        each.reshape(-1)[[0, 1, each.size - 1]] = [1, 1, 2]
    flat = [np.concatenate([each.reshape(-1) for each in arrays]) for arrays in (x, y)]
    names = [str(number) for number in range(len(shapes))]
    return Samples(
        Ragged(flat[0], [(1, *shape) for shape in shapes]), Ragged(flat[1], shapes), names
    )


def test_a_crop_is_a_piece_of_its_sample_and_mask() -> None:
    both = samples((9, 7, 8), (6, 10, 5))
    crops = Crops(both, (3, 4, 5), per_sample=2, foreground=0.0)
    assert len(crops) == 4
    for index in range(4):
        x, y = crops[Batch(np.array([index]), (index,))]
        first = int(x[0, 0, 0, 0, 0])
        shape = both.y[index % 2].shape
        corner = np.unravel_index(first, shape)
        where = tuple(
            slice(start, start + length) for start, length in zip(corner, (3, 4, 5), strict=True)
        )
        np.testing.assert_array_equal(x[0, 0], both.x[index % 2][0][where])
        np.testing.assert_array_equal(y[0], both.y[index % 2][where])


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_all_of_a_sample_is_seen_and_nothing_outside(dim: int) -> None:
    crops = Crops(samples((6,) * dim), (4,) * dim, per_sample=1, foreground=0.0)
    x, _ = crops[Batch(np.zeros(200, np.int64), (0,))]
    assert set(x.flatten().int().tolist()) == set(range(6**dim))


def test_a_sample_smaller_than_the_crop_is_mirrored_around_itself() -> None:
    crops = Crops(samples((3, 20)), (7, 20), per_sample=1, foreground=0.0)
    x, y = crops[Batch(np.array([0]), (0,))]
    rows = (x[0, 0, :, 0] / 20).int().tolist()
    assert rows == [2, 1, 0, 1, 2, 1, 0]
    assert y[0, 2].tolist() == [1, 1] + [0] * 18


def test_foreground_crops_hold_a_class_and_all_classes_come() -> None:
    """Three positions in 64,000 are of a class: crops drawn anywhere would hardly ever hold one."""
    crops = Crops(samples((40, 40, 40)), (4, 4, 4), per_sample=1, foreground=1.0)
    _, y = crops[Batch(np.zeros(50, np.int64), (0,))]
    labels = y.flatten(1)
    assert (labels > 0).any(dim=1).all()
    shares = [(labels == label).any(dim=1).float().mean() for label in (1, 2)]
    assert min(shares) > 0.25
    third = Crops(samples((40, 40, 40)), (4, 4, 4), per_sample=1, foreground=0.33)[
        Batch(np.zeros(300, np.int64), (0,))
    ][1]
    assert 0.25 < (third.flatten(1) > 0).any(dim=1).float().mean() < 0.42


def test_the_ignore_index_is_no_foreground() -> None:
    crops = Crops(samples((40, 40)), (4, 4), per_sample=1, foreground=1.0, background=(0, 2))
    _, y = crops[Batch(np.zeros(30, np.int64), (0,))]
    assert not (y == 2).any()


def test_every_epoch_draws_anew_and_a_seed_repeats_them() -> None:
    crops = Crops(samples((20, 20), (30, 20)), (4, 4), per_sample=2, foreground=0.5)
    order = TrainOrder(len(crops), 4, seed=3)
    first = [crops[batch][0] for batch in order.batches()]
    again = [crops[batch][0] for batch in order.batches()]
    order.set_epoch(1)
    later = [crops[batch][0] for batch in order.batches()]
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert not any((a == b).all() for a, b in zip(first, later, strict=True))
