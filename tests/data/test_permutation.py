"""The fixed permutation of positions: what a network was trained on, and back."""

import numpy as np
import pytest
import torch

from convsweep.data.loading.batches import Gather
from convsweep.data.loading.order import Batch
from convsweep.data.permutation import Permutation, fixed_permutation
from convsweep.data.samples import Samples
from convsweep.errors import UserError


@pytest.mark.parametrize("size", [(7,), (3, 5), (2, 3, 4)])
def test_samples_are_permuted_as_in_training_and_answers_come_back(size: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=(4, 2, *size)).astype(np.float32)
    masks = np.random.default_rng(1).integers(0, 3, (4, *size))
    read = Gather(Samples(x, masks, list("abcd")), positions=fixed_permutation(size))
    seen, seen_masks = read[Batch(np.arange(4), (0,))]
    permutation = Permutation(size)
    assert torch.equal(permutation(torch.from_numpy(x)), seen)
    assert not torch.equal(torch.from_numpy(x), seen)
    assert torch.equal(permutation.undo(seen_masks[:, None])[:, 0], torch.from_numpy(masks))
    logits = torch.randn(4, 3)
    assert permutation.undo(logits) is logits


def test_numbers_of_a_sample_stay_where_samples_are_permuted() -> None:
    x, numbers = np.zeros((2, 1, 7), np.float32), np.arange(14, dtype=np.float32).reshape(2, 7)
    samples = Samples(x, numbers, ["a", "b"])
    read = Gather(samples, positions=fixed_permutation((7,)), is_dense=False)
    assert np.array_equal(read[Batch(np.arange(2), (0,))][1], numbers)


def test_samples_of_another_size_are_refused() -> None:
    with pytest.raises(
        UserError, match=r"takes samples of \(3, 5\) alone, but these are of \(5, 3\)"
    ):
        Permutation((3, 5))(torch.zeros(1, 1, 5, 3))
