"""Facts of the sets that need no download."""

import sys

import numpy as np
import pytest

from convsweep.data.sources.digits import Digits, load_digits
from convsweep.data.sources.scenes import Scenes, scene
from convsweep.errors import UserError


def test_digits_are_those_of_scikit_learn() -> None:
    from sklearn.datasets import load_digits as original

    x, y = load_digits()
    bunch = original()
    assert np.array_equal(y, bunch.target)
    assert np.array_equal(np.round(x[:, 0].astype(float) * 16 / 255), bunch.images)
    assert (x.min(), x.max()) == (0, 255)


def test_digits_facts_and_parts() -> None:
    data = Digits(batch_size=64)
    assert (data.info.in_shape, data.info.num_classes, data.info.in_channels) == ((1, 8, 8), 10, 1)
    assert data.test is not None
    assert len(data.train) + len(data.val) + len(data.test) == 1797
    assert data.test.names[0].startswith("digits/")


def test_digits_are_read_without_scikit_learns_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    assert len(load_digits()[1]) == 1797


@pytest.fixture(scope="module")
def scenes() -> Scenes:
    return Scenes(batch_size=4, num_train=60, num_val=5, num_test=20)


def test_scenes_have_every_class_and_mostly_background(scenes: Scenes) -> None:
    assert (scenes.info.in_shape, scenes.info.num_classes, scenes.info.task) == (
        (3, 64, 64),
        11,
        "segmentation",
    )
    assert (scenes.class_counts > 0).all()
    assert 0.8 < scenes.class_counts[0] / scenes.class_counts.sum() < 0.98


def test_numbers_of_a_scene_follow_from_its_mask(scenes: Scenes) -> None:
    data = Scenes(task="regression", batch_size=4, num_train=60, num_val=5, num_test=20)
    assert data.info.class_names == ("covered_percent", "num_kinds")
    masks = np.asarray(scenes.train.y)
    assert np.array_equal(data.train.x[:], scenes.train.x[:])
    covered = [100 * np.count_nonzero(mask) / mask.size for mask in masks]
    kinds = [len(set(np.unique(mask)) - {0}) for mask in masks]
    np.testing.assert_allclose(data.train.y, np.stack([covered, kinds], axis=1), rtol=1e-5)


def test_labels_of_a_scene_are_the_digits_of_its_mask(scenes: Scenes) -> None:
    data = Scenes(task="multi_label", batch_size=4, num_train=60, num_val=5, num_test=20)
    for y, mask in zip(data.train.y, np.asarray(scenes.train.y), strict=True):
        digits = [data.info.class_names[label] for label in np.flatnonzero(y)]
        assert digits == [str(label - 1) for label in np.unique(mask) if label]


def test_a_scene_is_the_same_whatever_their_number(scenes: Scenes) -> None:
    fewer = Scenes(batch_size=4, num_train=10, num_val=5, num_test=5)
    assert np.array_equal(fewer.train.x[:], scenes.train.x[:10])
    other = Scenes(batch_size=4, num_train=10, num_val=5, num_test=5, scene_seed=1)
    assert not np.array_equal(fewer.train.x[:], other.train.x[:])


def test_train_and_test_scenes_are_made_of_different_digits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[set[bytes]] = []
    monkeypatch.setattr(
        Scenes,
        "draw",
        lambda self, part, digits, labels: given.append({digit.tobytes() for digit in digits}),
    )
    Scenes(batch_size=4).read()
    train, val, test = given
    assert not train & test
    assert not train & val
    assert not val & test


def test_the_ink_stands_out_where_the_mask_is() -> None:
    x, y = load_digits()
    for seed in range(20):
        image, mask = scene(np.random.default_rng(seed), 64, 1, x[:, 0], y)
        grey = image.mean(0)
        inside = mask > 0
        around = np.zeros_like(inside)
        rows, columns = np.nonzero(inside)
        around[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = True
        assert abs(grey[inside].mean() - grey[around & ~inside].mean()) > 10


@pytest.mark.parametrize("size", [32, 96])
def test_scenes_come_in_any_size(size: int) -> None:
    assert Scenes(
        batch_size=4, image_size=size, num_train=4, num_val=1, num_test=1
    ).train.x.shape == (4, 3, size, size)


@pytest.mark.parametrize(
    ("key", "value"), [("image_size", 16), ("num_train", 0), ("max_digits", 0)]
)
def test_scenes_that_cannot_be_are_refused(key: str, value: int) -> None:
    with pytest.raises(UserError, match=f"{key}.*at least"):
        Scenes(**{"batch_size": 4, key: value})  # type: ignore[misc]
