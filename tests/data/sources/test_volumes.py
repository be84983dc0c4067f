"""Facts of the volumes that are drawn."""

import numpy as np
import pytest

from convsweep.data.sources.volumes import SHAPES, Volumes, shape, volume
from convsweep.errors import UserError


@pytest.fixture(scope="module")
def volumes() -> Volumes:
    return Volumes(batch_size=4, num_train=30, num_val=2, num_test=2)


def test_a_segmentation_has_every_class_and_mostly_background(volumes: Volumes) -> None:
    info = volumes.info
    assert (info.in_shape, info.task) == ((1, 32, 32, 32), "segmentation")
    assert info.class_names == ("background", "ball", "box", "tube", "ring")
    shares = volumes.class_counts / volumes.class_counts.sum()
    assert 0.8 < shares[0] < 0.98
    assert shares.min() > 0.002


def test_a_classification_has_one_shape_in_each_volume() -> None:
    one, many = (
        Volumes(batch_size=4, task="classification", num_train=count, num_val=1, num_test=1)
        for count in (15, 40)
    )
    assert one.info.class_names == SHAPES
    assert (many.class_counts > 2).all()
    assert np.array_equal(one.train.x[:], many.train.x[:15])
    assert np.array_equal(one.train.y[:], many.train.y[:15])


def test_parts_and_seeds_are_different_volumes(volumes: Volumes) -> None:
    other = Volumes(batch_size=4, num_train=1, num_val=1, num_test=1, volume_seed=1)
    assert volumes.test is not None
    assert (
        len(
            {
                volumes.train.x[0].tobytes(),
                volumes.val.x[0].tobytes(),
                volumes.test.x[0].tobytes(),
                other.train.x[0].tobytes(),
            }
        )
        == 4
    )


@pytest.mark.parametrize(
    ("kind", "in_radii", "tolerance"),
    [
        ("ball", 4 / 3 * np.pi * 0.9**3, 0.05),
        ("box", 1.4**3, 0.05),
        ("tube", 2.0 * np.pi * (0.65**2 - 0.3**2), 0.1),
        ("ring", 2 * np.pi * 0.75 * np.pi * 0.28**2, 0.1),
    ],
)
def test_shapes_have_the_volume_of_their_formula(
    kind: str, in_radii: float, tolerance: float
) -> None:
    """Of a shape that lies whole in a volume, the positions inside are as many as its volume in
    positions.
    """
    size = 64
    grid = np.stack(np.meshgrid(*[np.arange(size, dtype=np.float64)] * 3, indexing="ij"), axis=-1)
    for seed in range(30):
        radius = np.random.default_rng(seed).uniform(size / 6, size / 4)
        inside = shape(np.random.default_rng(seed), kind, grid, size)
        touches = any(
            np.take(inside, border, axis).any() for axis in range(3) for border in (0, -1)
        )
        if not touches:
            assert inside.sum() == pytest.approx(in_radii * radius**3, rel=tolerance)
            return
    pytest.fail("no shape lies whole in its volume")


def test_a_shape_stands_out_from_the_ground() -> None:
    for seed in range(8):
        values, mask = volume(np.random.default_rng(seed), 32, 1)
        assert abs(values[mask > 0].mean() - values[mask == 0].mean()) > 20


@pytest.mark.parametrize(("key", "value"), [("volume_size", 8), ("num_test", 0), ("max_shapes", 0)])
def test_volumes_that_cannot_be_are_refused(key: str, value: int) -> None:
    with pytest.raises(UserError, match=f"{key}.*at least"):
        Volumes(**{"batch_size": 4, key: value})  # type: ignore[misc]
