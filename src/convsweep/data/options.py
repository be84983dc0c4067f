"""What every data set takes beside its own arguments."""

from collections.abc import Collection
from typing import Any, Required, TypedDict

from convsweep.data.augment.transforms import AugmentBy, Transforms
from convsweep.data.loading.order import LastBatch
from convsweep.data.loading.placement import Hold
from convsweep.errors import UserError


class LoadingOptions(TypedDict, total=False):
    """What every data set takes beside its own arguments.

    Args:
        batch_size: samples per step and process.
        eval_batch_size: the same for validation and test; null takes batch_size.
        val_fraction: share of the training samples split off for validation where the source has no
            validation part; null validates on the training samples themselves, where there are too
            few to spare any.
        test_fraction: share split off for testing where the source has no test part; null leaves
            the test part out.
        max_train: keep about so many training samples, stratified; fewer are always among more;
            null keeps all.
        split_seed: another seed is another split; nothing else changes a split.
        seed: order of the training samples and draws of the augmentation.
        last_batch: "drop" or "keep" the smaller batch at the end of a training epoch.
        augment: torchvision v2 transforms of the training samples, a mapping by name or a list;
            null for none.
        permute: moves the positions of all samples by one fixed permutation.
        augment_by: "batch" augments whole batches at once, "sample" sample by sample; "auto" the
            batch where that can be.
        hold: where the samples are: on the "device" that the network trains on, in "memory", or
            left on "disk" where they are memory-mapped; "auto" takes a GPU where they fit there and
            are not augmented by sample, else leaves them.
        num_workers: processes that read ahead; 0 reads in this one; null reads ahead where a GPU
            would wait.
        pin_memory: page-locked batches; null where there is a GPU.
    """

    batch_size: Required[int]
    eval_batch_size: int | None
    val_fraction: float | None
    test_fraction: float | None
    max_train: int | None
    split_seed: int
    seed: int
    last_batch: LastBatch
    augment: Transforms | None
    augment_by: AugmentBy
    permute: bool
    hold: Hold
    num_workers: int | None
    pin_memory: bool | None


LOADING = LoadingOptions(
    batch_size=64,
    eval_batch_size=None,
    val_fraction=0.1,
    test_fraction=0.2,
    max_train=None,
    split_seed=0,
    seed=0,
    last_batch="drop",
    augment=None,
    augment_by="auto",
    permute=False,
    hold="auto",
    num_workers=None,
    pin_memory=None,
)


def split_off(loading: LoadingOptions, present: Collection[str]) -> dict[str, float]:
    """Return the parts that shall be split off the training part, since they are not present, and
    the share of each.
    """
    shares = {"test": loading["test_fraction"], "val": loading["val_fraction"]}
    return {
        part: share for part, share in shares.items() if part not in present and share is not None
    }


def check_loading(loading: LoadingOptions) -> None:
    """Check the numbers of samples.

    Raises:
        UserError: one is no whole number from 1.
    """
    for key in ("batch_size", "eval_batch_size", "max_train"):
        size = loading[key]  # type: ignore[literal-required]
        if size is not None and (not isinstance(size, int) or size < 1):
            raise UserError(f"data.{key} must be a whole number, at least 1, but is {size!r}.")


WORDS = {int: "whole numbers", float: "numbers"}


def per_axis(
    name: str, value: Any, dim: int, kind: type[int] | type[float]
) -> tuple[Any, ...] | None:
    """Return `dim` positive numbers from one for all axes, or one for each; None for None.

    Args:
        name: of the option of the data.

    Raises:
        UserError: they are not.
    """
    if value is None:
        return None
    numbers = [value] * dim if isinstance(value, int | float) else list(value)
    allowed = (int,) if kind is int else (int, float)
    if len(numbers) != dim or any(
        not isinstance(number, allowed) or number <= 0 for number in numbers
    ):
        raise UserError(
            f"data.{name} must be null, or one or {dim} positive {WORDS[kind]}, but is {value}."
        )
    return tuple(kind(number) for number in numbers)
