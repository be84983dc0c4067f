"""Abstract data module: a source describes and reads its data; splits, statistics and batches are
shared.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, ClassVar, Unpack

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from numpy.typing import NDArray

from convsweep.cli.console import say
from convsweep.data.augment.mixing import Mixing
from convsweep.data.augment.resizing import Resize, growth_of
from convsweep.data.augment.transforms import Augmentation
from convsweep.data.checks import check_facts, check_present, check_samples
from convsweep.data.division import divide
from convsweep.data.files.unreadable import Unreadable
from convsweep.data.group_hint import hint_of_groups
from convsweep.data.groups import check_apart, folder_below_parts, groups_of
from convsweep.data.loading.batches import BatchLoader, Gather
from convsweep.data.loading.order import Batch, EvalOrder, Share, TrainOrder
from convsweep.data.loading.placement import (
    OnDevice,
    describe_placement,
    place_samples,
    workers_for,
)
from convsweep.data.loading.sampling import ClassBalance
from convsweep.data.options import (
    LOADING,
    LoadingOptions,
    check_loading,
    check_recipe,
    mixing_of,
)
from convsweep.data.permutation import fixed_permutation
from convsweep.data.samples import PARTS, Array, DataInfo, Indices, Parts, Samples
from convsweep.data.splits import stratified_split
from convsweep.data.statistics import count_classes, mean_and_std
from convsweep.distributed.ranks import is_first
from convsweep.errors import UserError


class DataModule(LightningDataModule, ABC):
    """Base of all data sets. A new source implements `describe` and `read`, and `fetch` if it has
    something to download.
    """

    # The argument that names the user's own files, replaced to evaluate a network on other files;
    # None if there is none.
    own_files: ClassVar[str | None] = None

    def __init__(self, **loading: Unpack[LoadingOptions]) -> None:
        super().__init__()
        self.loading: LoadingOptions = {**LOADING, **loading}
        check_loading(self.loading)
        self.unreadable = Unreadable()
        self.parts: Parts | None = None

    @abstractmethod
    def describe(self) -> DataInfo:
        """Return a description of the data set without reading samples: list folders, read at most
        one header.

        Raises:
            UserError: if there is no such data set.
        """

    @abstractmethod
    def read(self) -> Parts:
        """Return the training, validation and test part; None for a part that is to be split off
        the training part.

        Raises:
            UserError: naming the file, the rule and the remedy.
        """

    def read_parts(self) -> Parts:
        """Return the parts that `read` returns, without samples whose files cannot be read if these
        are skipped.
        """
        return self.unreadable.leave_out(self.read())

    def fetch(self) -> None:
        """Download missing files, if the source can be downloaded. Several processes may call this
        at the same time.
        """

    @cached_property
    def info(self) -> DataInfo:
        info = self.describe()
        check_facts(info)
        check_recipe(self.loading, info)
        return info

    def setup(self, stage: str | None = None) -> None:
        """Read, split and check all parts, once for all stages."""
        if self.parts is None:
            self.parts = self.load()
            self.rehearse(self.parts[0])

    def load(self) -> Parts:
        """Read the samples and return the three parts, checked."""
        info = self.info  # reports a missing data set before a download starts
        self.fetch()
        parts = self.read_parts()
        self.unreadable.tell()
        for part, samples in zip(PARTS, parts, strict=True):
            if samples is not None:
                check_samples(samples, info, part)
        train, val, test = self.split(*parts)
        train = self.thin(train)
        if self.loading["train_on_val"] and val is not None:
            train = train.join(val)
        if info.kind.has_classes:
            self.target_counts = count_classes(train.y, info.num_classes)
            check_present(self.target_counts, info)
        else:
            self.target_counts = info.kind.count_targets(train, info)
        return train, train if val is None else val, test

    def rehearse(self, train: Samples) -> None:
        """Augment one sample, so that a transform that does not suit the data is reported before
        training.
        """
        if self.augmentation is not None:
            plain = self.gather(train, training=True)
            plain.augment = None
            self.augmentation.rehearse(*plain[Batch(np.zeros(1, np.int64), (0,))])

    def split(self, train: Samples, val: Samples | None, test: Samples | None) -> Parts:
        """Split off the training part those parts that the source does not have."""
        parts = {
            part: samples for part, samples in (("val", val), ("test", test)) if samples is not None
        }
        groups = self.groups(train.names)
        divided = divide(train.names, groups, self.strata(train), self.loading, parts)
        if len(divided) > 1:
            self.suggest_groups(train)
            parts |= {
                part: train.select(indices) for part, indices in divided.items() if part != "train"
            }
            train = train.select(divided["train"])
        if groups is not None:
            self.tell_groups({"train": train, **parts})
        return train, parts.get("val"), parts.get("test")

    def suggest_groups(self, samples: Samples) -> None:
        """Say that samples may form groups before they are divided singly."""
        if self.loading["group"] is None and is_first():
            hint = hint_of_groups(samples.names, self.folder_of, self.strata(samples))
            if hint is not None:
                say(hint)

    def groups(self, names: Sequence[str]) -> list[str] | None:
        """Return the group of each sample, by its name; None: every sample for itself."""
        group = self.loading["group"]
        return None if group is None else groups_of(names, group, self.folder_of)

    def folder_of(self, name: str) -> str:
        """Return the folder that makes a sample's group under `data.group=folder`."""
        return folder_below_parts(name)

    def tell_groups(self, parts: Mapping[str, Samples]) -> None:
        """Check that no group is in two parts, and say how many each part has."""
        groups = {part: set(self.groups(samples.names) or ()) for part, samples in parts.items()}
        check_apart(groups)
        if is_first():
            counts = ", ".join(
                f"{part} {len(found)} ({len(parts[part]):,} samples)"
                for part, found in groups.items()
            )
            say(f"groups: {counts}")

    def strata(self, samples: Samples) -> Array | None:
        """Return the labels to stratify by, None if the task has none."""
        kind = self.info.kind
        return kind.strata(np.asarray(samples.y)) if kind.has_labels or kind.has_numbers else None

    def thin(self, train: Samples) -> Samples:
        """Return about `max_train` of the training samples."""
        wanted = self.loading["max_train"]
        if wanted is None or wanted >= len(train):
            return train
        kept, _rest = stratified_split(
            train.names, self.strata(train), [wanted / len(train)], self.loading["split_seed"]
        )
        return train.select(kept)

    @property
    def train(self) -> Samples:
        return self.ready()[0]

    @property
    def val(self) -> Samples:
        val = self.ready()[1]
        assert val is not None
        return val

    @property
    def test(self) -> Samples | None:
        return self.ready()[2]

    def ready(self) -> Parts:
        """Return the parts, reading them on first use."""
        self.setup()
        assert self.parts is not None
        return self.parts

    @cached_property
    def statistics(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return mean_and_std(self.train.x)

    @property
    def mean(self) -> NDArray[np.float32]:
        """Mean of each channel of the training part, (C,), in the units of x: 0 to 255 where x is
        uint8.
        """
        return self.statistics[0]

    @property
    def std(self) -> NDArray[np.float32]:
        """Standard deviation of each channel of the training part, (C,), in the units of x."""
        return self.statistics[1]

    @property
    def class_counts(self) -> NDArray[np.int64]:
        """Samples (or mask positions) of each class or channel in the training part,
        (num_classes,).
        """
        self.ready()
        return self.target_counts

    @cached_property
    def target_statistics(self) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        """Mean and standard deviation of each number of a target over the training part,
        (num_classes,) each; None where targets are classes or signals.
        """
        return mean_and_std(self.train.y) if self.info.kind.has_numbers else None

    @cached_property
    def positions(self) -> Indices | None:
        """The fixed permutation of positions under data.permute, the same for all parts and runs of
        this shape.
        """
        if not self.loading["permute"]:
            return None
        return fixed_permutation(self.info.spatial_shape)

    @cached_property
    def augmentation(self) -> Augmentation | None:
        transforms = self.loading["augment"]
        return (
            Augmentation(transforms, self.info, self.loading["augment_by"]) if transforms else None
        )

    @cached_property
    def mixing(self) -> Mixing | None:
        return mixing_of(self.loading, self.info)

    def gather(self, samples: Samples, training: bool) -> Gather:
        """Return the reader of batches of a part, augmented for training only."""
        return Gather(
            samples,
            self.augmentation if training else None,
            self.positions,
            is_dense=self.info.kind.is_dense,
        )

    def train_order(self, count: int) -> TrainOrder:
        """Return the order of the `count` training samples, or crops, of this process."""
        overfit = getattr(self.trainer, "overfit_batches", 0) > 0
        return TrainOrder(
            count,
            self.loading["batch_size"],
            self.loading["seed"],
            self.loading["last_batch"],
            shuffle=not overfit,
            share=self.share(),
            balance=self.balance(),
            size=self.size_by_epoch(),
            min_steps=self.loading["min_steps_per_epoch"],
        )

    @property
    def num_train_items(self) -> int:
        """Number of training samples, or of crops where samples differ in size."""
        return len(self.gather(self.train, training=True))

    def train_dataloader(self) -> BatchLoader:
        gather = self.gather(self.train, training=True)
        gather.mix = self.mixing
        gather.resize = Resize(self.info.kind.has_masks)
        loader = self.loader(gather, self.train_order(len(gather)))
        if is_first() and self.trainer is not None:
            crops = "" if len(gather) == len(self.train) else f"{len(gather):,} crops of "
            samples = f"{len(self.train):,} training samples"
            say(f"{crops}{samples} {describe_placement(loader.dataset)}")
        return loader

    def balance(self) -> ClassBalance | None:
        """Return which samples an epoch holds; None: each once."""
        sampling = self.loading["sampling"]
        return None if sampling == "uniform" else ClassBalance(np.asarray(self.train.y), sampling)

    def size_by_epoch(self) -> Callable[[int], tuple[int, ...]] | None:
        """Return what gives the spatial shape of training samples in an epoch; None if they are of
        one size.
        """
        growth = growth_of(self.loading, self.info.spatial_shape)
        if growth is None or self.trainer is None:
            return None
        return partial(growth.size, max_epochs=self.trainer.max_epochs or -1)

    def val_dataloader(self) -> BatchLoader:
        return self.eval_loader(self.val)

    def test_dataloader(self) -> BatchLoader:
        if self.test is None:
            raise UserError(
                "Testing needs a test part, but the data has none; set data.test_fraction or"
                " test=null."
            )
        return self.eval_loader(self.test)

    def eval_loader(self, samples: Samples) -> BatchLoader:
        """Return a loader of every sample once, in order, unchanged."""
        batch_size = self.loading["eval_batch_size"] or self.loading["batch_size"]
        order = EvalOrder(len(samples), batch_size, self.share(), one_by_one=self.info.any_size)
        return self.loader(self.gather(samples, training=False), order)

    def loader(self, gather: Gather, order: TrainOrder | EvalOrder) -> BatchLoader:
        """Return a loader of batches in this order, with the samples placed as `data.hold` says."""
        device, workers, pin_memory = (
            self.device,
            self.loading["num_workers"],
            self.loading["pin_memory"],
        )
        gather = place_samples(gather, self.loading["hold"], device)
        if isinstance(gather, OnDevice):
            return BatchLoader(gather, order)
        if workers is None:
            workers = workers_for(gather, device)
        return BatchLoader(
            gather, order, workers, device.type == "cuda" if pin_memory is None else pin_memory
        )

    @property
    def device(self) -> torch.device:
        """The device that the network trains on."""
        return torch.device("cpu") if self.trainer is None else self.trainer.strategy.root_device

    def share(self) -> Share:
        """Return this process's share of every epoch."""
        trainer: Any = self.trainer
        return Share() if trainer is None else Share(trainer.global_rank, trainer.world_size)
