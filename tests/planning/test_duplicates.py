"""Images that are nearly equal: which pairs are found, and what finding them takes."""

import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray

from convsweep.data.loading.array_types import Ragged
from convsweep.data.samples import DataInfo
from convsweep.planning.look import duplicates
from convsweep.planning.look.duplicates import find_duplicates, near_duplicates
from convsweep.planning.look.everything import Everything


def test_a_group_names_samples_of_each_class_and_counts_the_rest() -> None:
    names, labels = [f"{number}.png" for number in range(9)], np.arange(9) // 6
    x = np.zeros((9, 1, 12, 12), np.float32)
    all_ = Everything([x], names, np.zeros(9, np.int64), [labels], labels)
    info = DataInfo(in_shape=(1, 12, 12), num_classes=2, class_names=("cat", "dog"))
    fault = find_duplicates(all_, info)[0]
    assert fault.kind == "equal samples in two classes"
    shown = "0.png (train, cat) = 6.png (train, dog) = 1.png (train, cat) = 2.png (train, cat)"
    assert fault.text.endswith(f"{shown} = 5 more")


def everything(x: NDArray[np.float32]) -> Everything:
    names = [str(number) for number in range(len(x))]
    return Everything([x], names, np.zeros(len(x), np.int64), [np.zeros(len(x))], None)


def noise(count: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(size=(count, 1, 12, 12)).astype(np.float32)


def test_pairs_of_equal_images_leave_room_for_nearly_equal_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x = noise(20)
    x[1:10] = x[0]
    x[16] = x[15] + 0.01 * x[14]
    monkeypatch.setattr(duplicates, "MOST_COMPARED", 20)
    assert near_duplicates(everything(x), set(range(1, 10))) == [[15, 16]]


def test_thousands_of_frames_that_look_alike_take_little_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x = noise(1) + 0.001 * noise(1200)
    monkeypatch.setattr(duplicates, "MOST_COMPARED", 1200)
    tracemalloc.start()
    try:
        pairs = near_duplicates(everything(x), set())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(pairs) == 1200
    assert peak < 50e6  # 720,000 tuples of two numbers take more than twice as much


def test_images_of_different_sizes_are_compared() -> None:
    small, large = noise(2), np.repeat(np.repeat(noise(2), 2, axis=2), 2, axis=3)
    same = small[1] + 0.001 * small[0]
    values = [small[0], large[0], small[1], same]
    flat = np.concatenate([each.reshape(-1) for each in values])
    x = Ragged(flat, [each.shape for each in values])
    all_ = Everything([x], list("abcd"), np.zeros(4, np.int64), [np.zeros(4)], None)
    assert near_duplicates(all_, set()) == [[2, 3]]


def test_blank_images_of_different_shapes_are_not_equal() -> None:
    shapes = [(1, 20, 30), (1, 30, 20)]
    x = Ragged(np.zeros(1200, np.float32), shapes)
    y = Ragged(np.zeros(1200, np.uint8), [shape[1:] for shape in shapes])
    all_ = Everything([x], ["a", "b"], np.zeros(2, np.int64), [y], None)
    info = DataInfo((1, 8, 8), 2, ("a", "b"), "segmentation", any_size=True)
    assert find_duplicates(all_, info) == []
