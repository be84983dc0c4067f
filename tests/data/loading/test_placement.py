"""Samples held on a device make the batches that they make from memory, and are held there where
that is worth it.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.transforms import v2

from convsweep.data.augment.mixing import Mixing
from convsweep.data.augment.resizing import Resize
from convsweep.data.augment.transforms import Augmentation
from convsweep.data.loading import placement
from convsweep.data.loading.array_types import Ragged
from convsweep.data.loading.batches import Gather
from convsweep.data.loading.crops import Crops
from convsweep.data.loading.order import Batch
from convsweep.data.loading.placement import (
    OnDevice,
    describe_placement,
    place_samples,
    workers_for,
)
from convsweep.data.samples import DataInfo, Samples
from convsweep.data.sources.arrays import Arrays
from convsweep.data.sources.digits import Digits
from convsweep.errors import UserError

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)
BATCH = Batch(np.array([3, 0, 99, 41]), (1, 2, 3))
FACTS = DataInfo((1, 6, 6), 2, ("a", "b"), "segmentation")
FLIP, ELASTIC = (
    Augmentation([v2.RandomRotation(90)], FACTS),
    Augmentation([v2.ElasticTransform()], FACTS),
)


@pytest.fixture
def samples() -> Samples:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, (100, 6, 6)).astype("uint8")
    return Samples(
        rng.integers(0, 256, (100, 1, 6, 6)).astype("uint8"),
        y,
        [str(number) for number in range(100)],
    )


@pytest.mark.parametrize("augment", [None, FLIP])
@pytest.mark.parametrize("permuted", [False, True])
def test_same_batches_wherever_they_are_held(
    samples: Samples, augment: Augmentation | None, permuted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("convsweep.data.statistics.CHUNK_BYTES", 1000)  # many chunks
    positions = np.random.default_rng(1).permutation(36) if permuted else None
    gather = Gather(samples, augment, positions)
    gather.resize, gather.mix = Resize(has_masks=True), Mixing(FACTS.kind, 2, cutmix_alpha=1.0)
    batch = BATCH if permuted else replace(BATCH, size=(4, 4))
    for ours, expected in zip(OnDevice(gather, CPU)[batch], gather[batch], strict=True):
        assert torch.equal(ours, expected)
        assert ours.dtype == expected.dtype


@pytest.mark.parametrize(
    ("augment", "free", "expected"),
    [(None, 1 << 20, True), (FLIP, 1 << 20, True), (FLIP, 1000, False), (ELASTIC, 1 << 20, False)],
)
def test_a_gpu_holds_what_fits_and_is_augmented_by_batch(
    samples: Samples,
    augment: Augmentation | None,
    free: int,
    expected: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(placement, "free_bytes", lambda device: free)
    monkeypatch.setattr(OnDevice, "to_device", lambda self, array: torch.zeros(1))
    made = place_samples(Gather(samples, augment), "auto", GPU)
    assert isinstance(made, OnDevice) == expected
    assert describe_placement(made).startswith("held on cuda:0" if expected else "held in memory")
    assert workers_for(made, CPU) == 0


def test_a_gpu_too_small_for_the_samples_is_refused(
    samples: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch of half the size would not help."""
    monkeypatch.setattr(placement, "free_bytes", lambda device: 1000)
    with pytest.raises(
        UserError,
        match=r"room for all samples on the GPU, but they take 0\.00 GiB and 0\.00 GiB are free",
    ):
        place_samples(Gather(samples), "device", GPU)


def test_readers_run_ahead_where_a_gpu_would_wait(
    samples: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement, "usable_cores", lambda: 6)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert workers_for(Gather(samples, ELASTIC), GPU) == 5
    assert workers_for(Gather(samples, FLIP), GPU) == 0
    assert workers_for(Gather(samples, ELASTIC), CPU) == 0


@pytest.mark.parametrize(
    ("stated", "readers"), [("1", 0), ("4", 3), ("4,2", 3), ("64", 5), ("", 5), ("0", 5)]
)
def test_readers_keep_to_the_cores_of_their_process(
    samples: Samples, monkeypatch: pytest.MonkeyPatch, stated: str, readers: int
) -> None:
    monkeypatch.setattr(placement, "usable_cores", lambda: 6)
    monkeypatch.setenv("OMP_NUM_THREADS", stated)
    assert workers_for(Gather(samples, ELASTIC), GPU) == readers


def test_what_lies_on_disk_stays_there_unless_memory_is_asked_for(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((100, 1, 4, 4), np.uint8))
    np.save(tmp_path / "y.npy", np.arange(100) % 2)
    for hold, place in (
        ("auto", "read from disk"),
        ("disk", "read from disk"),
        ("memory", "held in memory"),
    ):
        data = Arrays(str(tmp_path), batch_size=4, hold=hold)  # type: ignore[arg-type]
        assert describe_placement(data.train_dataloader().dataset) == place


def test_samples_of_any_size_are_brought_into_memory_too(tmp_path: Path) -> None:
    np.arange(40, dtype=np.float32).tofile(tmp_path / "values")
    shapes = [(1, 2, 3), (1, 4, 4), (1, 3, 3)]
    x = Ragged(np.memmap(tmp_path / "values", np.float32, "r"), shapes).select([2, 0])
    samples = Samples(x, Ragged(x.values, [shape[1:] for shape in x.shapes], x.starts), ["a", "b"])
    gather = Crops(samples, (2, 2), 1, 0.0)
    assert describe_placement(gather) == "read from disk"
    loaded = place_samples(gather, "memory", CPU)
    assert describe_placement(loaded) == "held in memory"
    for index in range(2):
        assert np.array_equal(loaded.x[index], x[index])


def test_a_device_that_cannot_hold_them_is_refused() -> None:
    with pytest.raises(
        UserError, match=r"data\.hold=device needs a GPU.*device is cpu.*use data\.hold=auto"
    ):
        Digits(batch_size=4, hold="device").train_dataloader()
