"""A split depends on names and seed alone, and every part has its share of every class."""

import numpy as np
import pytest

from convsweep.data.sources.digits import Digits
from convsweep.data.splits import shares, stratified_split
from convsweep.errors import UserError

NAMES = [f"{'cat' if i < 300 else 'dog'}/{i}.png" for i in range(400)]
LABELS = np.array([0] * 300 + [1] * 100)


def split_names(names: list[str], labels: np.ndarray, seed: int = 0) -> list[set[str]]:
    return [{names[i] for i in part} for part in stratified_split(names, labels, [0.2, 0.1], seed)]


def test_every_sample_is_in_exactly_one_part() -> None:
    parts = stratified_split(NAMES, LABELS, [0.2, 0.1], 0)
    assert sorted(np.concatenate(parts)) == list(range(400))


def test_every_part_has_its_share_of_every_class() -> None:
    parts = stratified_split(NAMES, LABELS, [0.2, 0.1], 0)
    assert [np.bincount(LABELS[part]).tolist() for part in parts] == [[60, 20], [30, 10], [210, 70]]


def test_order_of_files_does_not_matter() -> None:
    order = np.random.default_rng(0).permutation(400)
    assert split_names([NAMES[i] for i in order], LABELS[order]) == split_names(NAMES, LABELS)


def test_one_file_more_moves_at_most_one_of_its_class_over_each_border() -> None:
    before = split_names(NAMES, LABELS)
    after = split_names([*NAMES, "cat/new.png"], np.append(LABELS, 0))
    moved = set().union(*(old - new for old, new in zip(before, after, strict=True)))
    assert len(moved) <= 2
    assert all(name.startswith("cat") for name in moved)


def test_another_seed_is_another_split() -> None:
    assert split_names(NAMES, LABELS, 0) != split_names(NAMES, LABELS, 1)


def test_masks_are_one_stratum() -> None:
    assert [len(part) for part in stratified_split(NAMES, None, [0.25], 0)] == [100, 300]


def test_batch_size_and_seed_move_no_digit() -> None:
    one, two = (
        Digits(batch_size=8, seed=1),
        Digits(batch_size=64, seed=2, num_workers=0, last_batch="keep"),
    )
    assert one.test is not None
    assert two.test is not None
    assert (one.train.names, one.val.names, one.test.names) == (
        two.train.names,
        two.val.names,
        two.test.names,
    )


@pytest.mark.parametrize(
    ("count", "expected"), [(1, [0, 0]), (2, [0, 0]), (3, [1, 1]), (10, [2, 1]), (100, [20, 10])]
)
def test_a_class_is_never_used_up(count: int, expected: list[int]) -> None:
    assert shares(count, [0.2, 0.1]) == expected


@pytest.mark.parametrize("fractions", [[0.0], [1.0], [0.6, 0.5], [-0.1]])
def test_fractions_that_leave_nothing_are_refused(fractions: list[float]) -> None:
    with pytest.raises(UserError, match="between 0 and 1"):
        stratified_split(NAMES, LABELS, fractions, 0)


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(UserError, match=r"add samples or change data\.val_fraction"):
        stratified_split(["a", "b"], np.array([0, 1]), [0.2, 0.1], 0)


def test_fewer_training_samples_are_among_more_and_stratified() -> None:
    def names_and_labels(max_train: int | None) -> tuple[set[str], list[int]]:
        data = Digits(batch_size=32, max_train=max_train)
        data.setup()
        return set(data.train.names), np.bincount(np.asarray(data.train.y), minlength=10).tolist()

    few, few_counts = names_and_labels(100)
    more, _counts = names_and_labels(300)
    everything, _counts = names_and_labels(None)
    assert few < more < everything
    assert set(few_counts) <= {9, 10, 11}
