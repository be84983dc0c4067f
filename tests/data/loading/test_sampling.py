"""Classes come in the shares asked for, and no sample of a class oftener than its share."""

import numpy as np
import pytest

from convsweep.data.loading.order import Share, TrainOrder
from convsweep.data.loading.sampling import ClassBalance, Sampling
from convsweep.data.sources.digits import Digits
from convsweep.data.sources.scenes import Scenes
from convsweep.errors import UserError

# Classes of 60, 0, 30 and 10 samples.
LABELS = np.random.default_rng(0).permutation(np.repeat([0, 2, 3], [60, 30, 10]))
COUNTS = np.array([60, 0, 30, 10])


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        ("balanced", np.array([1, 0, 1, 1]) / 3),
        ("square_root", np.sqrt(COUNTS) / np.sqrt(COUNTS).sum()),
    ],
)
def test_classes_have_their_shares_in_every_epoch(sampling: Sampling, expected: np.ndarray) -> None:
    balance = ClassBalance(LABELS, sampling)
    numbers = []
    for epoch in range(200):
        chosen = balance.epoch(np.random.default_rng(epoch))
        assert len(chosen) == len(LABELS)
        numbers.append(np.bincount(LABELS[chosen], minlength=4))
    assert (np.abs(numbers - 100 * expected) < 1).all(), "rounded up or down"
    np.testing.assert_allclose(np.mean(numbers, axis=0), 100 * expected, atol=0.1)


def test_samples_of_a_class_take_turns() -> None:
    chosen = ClassBalance(LABELS, "balanced").epoch(np.random.default_rng(0))
    times = np.bincount(chosen, minlength=len(LABELS))
    for label, allowed in ((0, {0, 1}), (2, {1, 2}), (3, {3, 4})):
        assert set(times[label == LABELS]) <= allowed


def test_processes_share_an_epoch_and_a_resumed_one_is_its_rest() -> None:
    def orders(world_size: int) -> list[TrainOrder]:
        balance = ClassBalance(LABELS, "balanced")
        shares = [Share(rank, world_size) for rank in range(world_size)]
        return [TrainOrder(100, 20 // world_size, 3, share=s, balance=balance) for s in shares]

    (alone,) = orders(1)
    whole = [batch.indices.tolist() for batch in alone.batches()]
    split = zip(*(order.batches() for order in orders(2)), strict=True)
    assert [first.indices.tolist() + second.indices.tolist() for first, second in split] == whole
    assert [batch.indices.tolist() for batch in alone.batches(3)] == whole[3:]
    alone.set_epoch(1)
    assert [batch.indices.tolist() for batch in alone.batches()] != whole


def test_batches_of_a_training_are_balanced_and_those_of_evaluation_are_not() -> None:
    data = Digits(batch_size=50, sampling="balanced")
    few = np.flatnonzero(np.asarray(data.train.y) == 0)[5:]
    rows = np.setdiff1d(np.arange(len(data.train)), few)
    data.parts = (data.train.select(rows), data.val, data.test)
    loader = data.train_dataloader()
    labels = np.concatenate([y.numpy() for _, y in loader])
    assert len(loader) == len(rows) // 50
    assert np.ptp(np.bincount(labels)) < 25, "only the rest of the epoch is dropped"
    assert sum(len(y) for _, y in data.val_dataloader()) == len(data.val)


def test_masks_have_no_class_to_balance() -> None:
    with pytest.raises(UserError, match=r"needs one class a sample, .* model.class_weights"):
        Scenes(batch_size=4, sampling="balanced").info  # noqa: B018
