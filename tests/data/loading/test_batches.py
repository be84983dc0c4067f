"""Batches are what the arrays hold, with workers or without, and go on after a resume as if nothing
had happened.
"""

import pickle
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning.pytorch as lightning
import numpy as np
import pytest
import torch

from convsweep.data.datamodule import DataModule
from convsweep.data.loading.batches import Gather
from convsweep.data.loading.order import Batch
from convsweep.data.samples import DataInfo, Samples, number_names
from convsweep.data.sources.digits import Digits
from convsweep.errors import UserError


def test_batches_keep_dtype_and_order_and_lose_nothing() -> None:
    data = Digits(batch_size=64)
    batches = list(data.val_dataloader())
    x, y = torch.cat([b[0] for b in batches]), torch.cat([b[1] for b in batches])
    assert x.dtype == torch.uint8
    assert y.dtype == torch.int64
    assert all(b[0].is_contiguous() for b in batches)
    assert np.array_equal(x.numpy(), data.val.x)
    assert np.array_equal(y.numpy(), data.val.y)


def test_workers_give_the_same_batches() -> None:
    one, two = (
        Digits(batch_size=100, seed=5).train_dataloader(),
        Digits(batch_size=100, seed=5, num_workers=1).train_dataloader(),
    )
    for epoch in range(2):
        one.sampler.set_epoch(epoch)
        two.sampler.set_epoch(epoch)
        for (x, y), (x2, y2) in zip(one, two, strict=True):
            assert torch.equal(x, x2)
            assert torch.equal(y, y2)


def test_permutation_is_one_for_all_samples_and_parts() -> None:
    plain, permuted = Digits(batch_size=50), Digits(batch_size=50, permute=True)
    (x, y), (moved, y2) = next(iter(plain.val_dataloader())), next(iter(permuted.val_dataloader()))
    (train, _), (train_moved, _) = (
        next(iter(plain.train_dataloader())),
        next(iter(permuted.train_dataloader())),
    )
    positions = permuted.positions
    assert positions is not None
    assert torch.equal(y, y2)
    assert torch.equal(x.flatten(2)[..., positions], moved.flatten(2))
    assert torch.equal(train.flatten(2)[..., positions], train_moved.flatten(2))


def test_permutation_moves_masks_with_images() -> None:
    y = np.arange(2 * 12, dtype=np.uint8).reshape(2, 3, 4)
    gather = Gather(
        Samples(y[:, None], y, number_names("train", 2)),
        positions=np.random.default_rng(1).permutation(12),
    )
    x, mask = gather[Batch(np.array([1, 0]), (0,))]
    assert torch.equal(x[:, 0].long(), mask)
    assert not torch.equal(mask, torch.from_numpy(y[[1, 0]]).long())


def test_positions_are_permuted_behind_the_augmentation() -> None:
    def turn(
        x: torch.Tensor, y: torch.Tensor, seed: tuple[int, ...]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return x.flip(-1), y.flip(-1)

    y = np.arange(2 * 12, dtype=np.uint8).reshape(2, 3, 4)
    samples, positions = (
        Samples(y[:, None], y, number_names("train", 2)),
        np.random.default_rng(1).permutation(12),
    )
    x, mask = Gather(samples, turn, positions)[Batch(np.array([1, 0]), (0,))]
    assert np.array_equal(mask.flatten(1), y[[1, 0], :, ::-1].reshape(2, 12)[:, positions])
    assert torch.equal(x[:, 0].long(), mask)


@pytest.mark.parametrize("chosen", [False, True])
def test_a_worker_gets_the_path_of_a_memory_map_not_its_contents(
    tmp_path: Path, chosen: bool
) -> None:
    np.save(tmp_path / "x.npy", np.arange(4 * 200_000, dtype=np.uint8).reshape(4, 1, 200_000))
    samples = Samples(
        np.load(tmp_path / "x.npy", mmap_mode="r"), np.arange(4), number_names("train", 4)
    )
    if chosen:
        samples = samples.select(np.array([2, 0]))
    gather = Gather(samples)
    sent = pickle.dumps(gather)
    assert len(sent) < 10_000
    batch = Batch(np.array([1, 0]), (0,))
    assert torch.equal(pickle.loads(sent)[batch][0], gather[batch][0])


@pytest.mark.parametrize("chosen", [False, True])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_worker_opens_a_view_of_a_memory_map_as_it_is(
    tmp_path: Path, chosen: bool, order: str
) -> None:
    channels_last = np.random.default_rng(0).integers(0, 256, (9, 6, 5, 3)).astype("uint8")
    np.save(tmp_path / "x.npy", np.asarray(channels_last, order=order))  # type: ignore[arg-type]
    view = np.moveaxis(np.load(tmp_path / "x.npy", mmap_mode="r"), -1, 1)[2:]
    samples = Samples(view, np.arange(7), number_names("train", 7))
    gather = Gather(samples.select(np.array([4, 0, 1])) if chosen else samples)
    batch = Batch(np.array([2, 0]), (0,))
    expected = np.moveaxis(channels_last, -1, 1)[[3, 6] if chosen else [4, 2]]
    assert np.array_equal(pickle.loads(pickle.dumps(gather))[batch][0], expected)


class Recorder(lightning.LightningModule):
    """Notes every batch that it is given, and leaves off where it is told to."""

    def __init__(self, checkpoint: Path, stop_at: int | str | None) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(64, 10)
        self.seen: list[tuple[int, int, list[int]]] = []
        self.checkpoint, self.stop_at = checkpoint, stop_at

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        x, y = batch
        self.seen.append((self.current_epoch, batch_idx, x.long().sum((1, 2, 3)).tolist()))
        return torch.nn.functional.cross_entropy(self.layer(x.flatten(1) / 255), y)

    def on_train_batch_end(self, *_: Any) -> None:
        if self.stop_at == len(self.seen):
            self.trainer.save_checkpoint(self.checkpoint)
            raise RuntimeError("cut off")

    def on_validation_end(self) -> None:
        if (
            self.stop_at == "validation"
            and self.current_epoch == 1
            and not self.trainer.sanity_checking
        ):
            self.trainer.save_checkpoint(self.checkpoint)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        pass

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)


@pytest.mark.filterwarnings(
    "ignore:.*does not have many workers", "ignore:.*is deprecated", "ignore:.*LeafSpec"
)
@pytest.mark.parametrize("stop_at", [1, 4, 5, 7, "validation"])
def test_a_resumed_fit_sees_the_batches_it_would_have_seen(
    tmp_path: Path, stop_at: int | str
) -> None:
    def fit(stop: int | str | None, ckpt_path: Path | None) -> list[tuple[int, int, list[int]]]:
        model = Recorder(tmp_path / "last.ckpt", stop)
        trainer = lightning.Trainer(
            max_epochs=3,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        cut = (
            pytest.raises(RuntimeError, match="cut off") if isinstance(stop, int) else nullcontext()
        )
        with cut:
            trainer.fit(model, Digits(batch_size=300, last_batch="keep"), ckpt_path=ckpt_path)
        return model.seen

    whole, first = fit(None, None), fit(stop_at, None)
    left_at = stop_at if isinstance(stop_at, int) else 10
    assert first[:left_at] + fit(None, tmp_path / "last.ckpt") == whole
    assert len(whole) == 15


class Broken(DataModule):
    """A source that hands out what it is given."""

    def __init__(self, x: np.ndarray, y: np.ndarray, **info: Any) -> None:
        super().__init__(batch_size=2)
        self.x, self.y = x, y
        self.says = DataInfo(
            **{"in_shape": (1, 4), "num_classes": 2, "class_names": ("a", "b"), **info}
        )

    def describe(self) -> DataInfo:
        return self.says

    def read(self) -> Any:
        return Samples(self.x, self.y, number_names("train", len(self.x))), None, None


GOOD_X = np.zeros((40, 1, 4), np.float32)
GOOD_Y = np.arange(40) % 2


@pytest.mark.parametrize(
    ("x", "y", "info", "message"),
    [
        (GOOD_X, GOOD_Y[:-1], {}, "equal length.*40 x, 39 y"),
        (
            GOOD_X,
            GOOD_Y * 2,
            {},
            "0 to 1, but train holds 2 in train/1, train/3, train/5 and 17 more",
        ),
        (GOOD_X, GOOD_Y - 1, {}, "holds -1 in"),
        (
            np.where(np.arange(40)[:, None, None] == 7, np.nan, GOOD_X).astype("f4"),
            GOOD_Y,
            {},
            "NaN or infinity in train/7;",
        ),
        (GOOD_X[:, :, :3], GOOD_Y, {}, r"\(1, 4\), but train has \(1, 3\)"),
        (GOOD_X.astype("f8"), GOOD_Y, {}, "uint8 or float32, but train has float64"),
        (GOOD_X, GOOD_Y[:, None], {}, "y must have the shape"),
        (GOOD_X[:0], GOOD_Y[:0], {}, "train is empty"),
        (GOOD_X, GOOD_Y * 0, {}, "only one class"),
        (GOOD_X, GOOD_Y * 0, {"num_classes": 1, "class_names": ("a",)}, "two or more"),
    ],
)
def test_samples_that_break_a_rule_are_named(
    x: np.ndarray, y: np.ndarray, info: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        Broken(x, y, **info).setup()


@pytest.mark.parametrize("key", ["batch_size", "eval_batch_size", "max_train"])
@pytest.mark.parametrize("size", [0, 2.5, "many"])
def test_a_batch_and_a_part_hold_a_sample(key: str, size: object) -> None:
    with pytest.raises(
        UserError, match=f"data.{key} must be a whole number, at least 1, but is {size!r}"
    ):
        Digits(**{"batch_size": 4, key: size})  # type: ignore[misc]


def test_testing_without_a_test_part_is_refused() -> None:
    data = Digits(batch_size=4, test_fraction=None)
    assert data.test is None
    with pytest.raises(UserError, match=r"set data\.test_fraction"):
        data.test_dataloader()


def test_overfitting_repeats_the_same_batches() -> None:
    data = Digits(batch_size=4)
    strategy = SimpleNamespace(root_device=torch.device("cpu"))
    data.trainer = SimpleNamespace(
        overfit_batches=2, global_rank=0, world_size=1, strategy=strategy
    )
    loader = data.train_dataloader()
    first = next(iter(loader))[0]
    loader.sampler.set_epoch(1)
    assert torch.equal(first, next(iter(loader))[0])
