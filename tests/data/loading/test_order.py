"""No sample twice, none lost, and all processes make as many steps as each other."""

import numpy as np
import pytest

from convsweep.data.loading.order import EvalOrder, Share, TrainOrder
from convsweep.errors import UserError

SIZES = [
    (10, 3, 1),
    (10, 3, 2),
    (11, 4, 3),
    (100, 7, 4),
    (7, 1, 3),
    (5, 8, 2),
    (101, 10, 2),
    (64, 8, 2),
]


@pytest.mark.parametrize(("count", "batch_size", "world_size"), SIZES)
def test_evaluation_sees_every_sample_once(count: int, batch_size: int, world_size: int) -> None:
    orders = [EvalOrder(count, batch_size, Share(rank, world_size)) for rank in range(world_size)]
    batches = [[batch.indices for batch in order.batches()] for order in orders]
    assert {len(own) for own in batches} == {len(orders[0])}
    assert all(
        0 < len(indices) <= batch_size + (world_size > 1) for own in batches for indices in own
    )
    assert sorted(np.concatenate([indices for own in batches for indices in own])) == list(
        range(count)
    )


@pytest.mark.parametrize(("count", "batch_size", "world_size"), SIZES)
@pytest.mark.parametrize("last_batch", ["drop", "keep"])
def test_training_gives_no_sample_twice_in_an_epoch(
    count: int, batch_size: int, world_size: int, last_batch: str
) -> None:
    orders = [
        TrainOrder(count, batch_size, 0, last_batch, share=Share(rank, world_size))
        for rank in range(world_size)
    ]  # type: ignore[arg-type]
    batches = [[batch.indices for batch in order.batches()] for order in orders]
    assert {len(own) for own in batches} == {len(orders[0])}
    assert all(
        0 < len(indices) <= batch_size + (last_batch == "keep")
        for own in batches
        for indices in own
    )
    seen = np.concatenate([indices for own in batches for indices in own])
    assert len(set(seen)) == len(seen)
    step = batch_size * world_size
    assert count - len(seen) == (count % step if last_batch == "drop" and count >= step else 0)


def test_epochs_differ_and_repeat_exactly() -> None:
    order = TrainOrder(50, 10, seed=3)
    first = [batch.indices.tolist() for batch in order.batches()]
    order.set_epoch(1)
    second = [batch.indices.tolist() for batch in order.batches()]
    order.set_epoch(0)
    assert first != second
    assert first == [batch.indices.tolist() for batch in order.batches()]


def test_a_resumed_epoch_is_the_rest_of_it() -> None:
    order = TrainOrder(50, 10, seed=3)
    whole, rest = list(order.batches()), list(order.batches(3))
    assert [(batch.indices.tolist(), batch.seed) for batch in whole[3:]] == [
        (batch.indices.tolist(), batch.seed) for batch in rest
    ]


def test_fewer_samples_than_a_batch_are_kept() -> None:
    assert [len(batch.indices) for batch in TrainOrder(5, 8, 0, "drop").batches()] == [5]


def test_without_shuffling_every_epoch_is_the_same() -> None:
    order = TrainOrder(6, 3, 0, shuffle=False)
    order.set_epoch(4)
    assert [batch.indices.tolist() for batch in order.batches()] == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    "make", [lambda: EvalOrder(1, 8, Share(0, 2)), lambda: TrainOrder(1, 8, 0, share=Share(0, 2))]
)
def test_more_processes_than_samples_are_refused(make: object) -> None:
    with pytest.raises(UserError, match="Every process needs a sample"):
        make()  # type: ignore[operator]


@pytest.mark.parametrize(("count", "world_size"), [(5, 1), (5, 2), (7, 3), (6, 3)])
def test_one_by_one_no_batch_holds_two_and_all_processes_make_as_many(
    count: int, world_size: int
) -> None:
    orders = [
        EvalOrder(count, 4, Share(rank, world_size), one_by_one=True) for rank in range(world_size)
    ]
    batches = [[batch.indices.tolist() for batch in order.batches()] for order in orders]
    assert len({len(each) for each in batches} | {len(order) for order in orders}) == 1
    assert max(len(batch) for each in batches for batch in each) == 1
    assert sorted(index for each in batches for batch in each for index in batch) == list(
        range(count)
    )


def test_a_small_set_is_passed_over_until_an_epoch_has_its_steps() -> None:
    order = TrainOrder(50, 16, seed=0, min_steps=10)
    batches = [batch.indices for batch in order.batches()]
    assert len(batches) == len(order) == 12, "three steps a pass, four passes"
    assert all(len(set(indices)) == 16 for indices in batches)
    passes = [np.concatenate(batches[start : start + 3]).tolist() for start in range(0, 12, 3)]
    assert all(len(set(each)) == 48 for each in passes)
    assert len({tuple(each) for each in passes}) == 4
    assert len(TrainOrder(20, 64, seed=0, min_steps=10)) == 10, "a step takes the whole set"
    assert len(TrainOrder(1000, 64, seed=0, min_steps=10)) == 15, "larger sets as before"
