"""Arguments that all data sets share."""

from collections.abc import Collection
from typing import Any, Required, TypedDict

from convsweep.data.augment.mixing import Mixing
from convsweep.data.augment.resizing import growth_of
from convsweep.data.augment.transforms import AugmentBy, Transforms
from convsweep.data.loading.order import LastBatch
from convsweep.data.loading.placement import Hold
from convsweep.data.loading.sampling import Sampling
from convsweep.data.samples import DataInfo
from convsweep.errors import UserError


class LoadingOptions(TypedDict, total=False):
    """Arguments that all data sets share.

    Args:
        batch_size: samples a step and process.
        eval_batch_size: the same for validation and test; null uses batch_size.
        val_fraction: share of the training samples split off for validation if the source has no
            validation part; null validates on the training samples, for data too small to split.
        test_fraction: share split off for testing if the source has no test part; null: no test
            part.
        num_folds: k-fold cross-validation instead of val_fraction: the samples that are not in the
            test part are divided into so many folds, which every run has alike; null: no folds.
        fold: which of the folds, from 0, is the validation part.
        group: samples of one group are never in two parts: "folder" (the folder of a file, below
            its class), a regular expression on the sample's name with one group in parentheses, or
            a column of an image table; null: every sample for itself. See `convsweep.data.groups`.
        train_on_val: train on the validation part too, however it came about; it is still
            validated on, which then says nothing. For a last training of fixed length.
        max_train: keep about so many training samples, stratified; smaller subsets are contained in
            larger ones; null keeps all.
        split_seed: seed of the splits, the only setting that changes them.
        seed: seed of the order of training samples and of the augmentation.
        sampling: "uniform" shows every training sample once an epoch, "balanced" all classes
            equally often, "square_root" by the square root of their numbers; see `ClassBalance`.
        last_batch: "drop" or "keep" the last, smaller batch of a training epoch.
        min_steps_per_epoch: a training part of fewer batches is passed over several times in an
            epoch, so that recipes and patience in epochs suit small data too; 1: once.
        augment: torchvision v2 transforms of the training samples, a mapping by name or a list;
            null for none.
        mixup_alpha: mix each training sample with another of its batch, and its target likewise, by
            a share drawn from Beta(alpha, alpha); 0: off. See `Mixing`.
        cutmix_alpha: the same by a pasted box; 0: off.
        mix_probability: share of the training batches that are mixed.
        initial_scale: size of training samples in the first epoch, as a share of their full size,
            to which they grow; 1: full size throughout. See `Growth`.
        full_size_from: share of the epochs after which they are of full size.
        size_multiple: smaller sizes are multiples of it.
        permute: apply one fixed permutation to the positions of all samples.
        augment_by: "batch" augments whole batches at once, "sample" sample by sample; "auto" uses
            "batch" if all transforms support it.
        hold: keep the samples on the training "device", in "memory", or on "disk" if they are
            memory-mapped; "auto" uses a GPU if they fit there and are not augmented by sample, else
            leaves them where they are.
        num_workers: prefetching processes; 0 reads in the main process; null prefetches if a GPU
            would wait.
        pin_memory: page-locked batches; null: if there is a GPU.
    """

    batch_size: Required[int]
    eval_batch_size: int | None
    val_fraction: float | None
    test_fraction: float | None
    num_folds: int | None
    fold: int | None
    group: str | None
    train_on_val: bool
    max_train: int | None
    split_seed: int
    seed: int
    sampling: Sampling
    last_batch: LastBatch
    min_steps_per_epoch: int
    augment: Transforms | None
    augment_by: AugmentBy
    mixup_alpha: float
    cutmix_alpha: float
    mix_probability: float
    initial_scale: float
    full_size_from: float
    size_multiple: int
    permute: bool
    hold: Hold
    num_workers: int | None
    pin_memory: bool | None


LOADING = LoadingOptions(
    batch_size=64,
    eval_batch_size=None,
    val_fraction=0.1,
    test_fraction=0.2,
    num_folds=None,
    fold=None,
    group=None,
    train_on_val=False,
    max_train=None,
    split_seed=0,
    seed=0,
    sampling="uniform",
    last_batch="drop",
    min_steps_per_epoch=1,
    augment=None,
    augment_by="auto",
    mixup_alpha=0.0,
    cutmix_alpha=0.0,
    mix_probability=1.0,
    initial_scale=1.0,
    full_size_from=0.75,
    size_multiple=4,
    permute=False,
    hold="auto",
    num_workers=None,
    pin_memory=None,
)


def split_off(loading: LoadingOptions, present: Collection[str]) -> dict[str, float]:
    """Return the missing parts to split off the training part by fractions, with the share of each;
    no validation part if there are folds.

    Raises:
        UserError: there are folds and a validation part.
    """
    if loading["num_folds"] is None:
        shares = {"test": loading["test_fraction"], "val": loading["val_fraction"]}
    else:
        shares = {"test": loading["test_fraction"]}
        if "val" in present:
            raise one_validation(
                loading,
                "the data has a validation part of its own",
                "set data.num_folds=null, or move these samples into the training part",
            )
    return {
        part: share for part, share in shares.items() if part not in present and share is not None
    }


def one_validation(loading: LoadingOptions, other: str, remedy: str) -> UserError:
    """Return the error of a second validation part beside folds."""
    return UserError(
        f"Validation is either a fold or another part, but data.num_folds={loading['num_folds']}"
        f" and {other}; {remedy}"
    )


def check_folds(loading: LoadingOptions) -> None:
    """Check the options of cross-validation.

    Raises:
        UserError: one is out of its range, or contradicts another.
    """
    num_folds, fold = loading["num_folds"], loading["fold"]
    if num_folds is None and fold is None:
        return
    if not isinstance(num_folds, int) or num_folds < 2:
        raise UserError(
            f"data.num_folds must be a whole number, at least 2, but is {num_folds!r}; say"
            " data.num_folds=5, or data.fold=null for no folds"
        )
    if not isinstance(fold, int) or not 0 <= fold < num_folds:
        raise UserError(
            f"data.fold must be one of 0 to {num_folds - 1} at data.num_folds={num_folds}, but is"
            f" {fold!r}; -m data.fold={','.join(map(str, range(min(num_folds, 10))))} trains all"
        )
    if loading["val_fraction"] not in (None, LOADING["val_fraction"]):
        raise one_validation(
            loading, f"data.val_fraction={loading['val_fraction']}", "set data.val_fraction=null"
        )


def check_loading(loading: LoadingOptions) -> None:
    """Check the numbers of samples and folds, and those of mixing.

    Raises:
        UserError: one is out of its range.
    """
    check_folds(loading)
    for key in ("batch_size", "eval_batch_size", "max_train", "min_steps_per_epoch"):
        size = loading[key]  # type: ignore[literal-required]
        if size is not None and (not isinstance(size, int) or size < 1):
            raise UserError(f"data.{key} must be a whole number, at least 1, but is {size!r}.")
    for key in ("mixup_alpha", "cutmix_alpha"):
        alpha = loading[key]  # type: ignore[literal-required]
        if not isinstance(alpha, int | float) or alpha < 0:
            raise UserError(
                f"data.{key} must be a number >= 0, but is {alpha!r}; usual are 0.2 and 1, and 0"
                " mixes nothing"
            )
    share = loading["mix_probability"]
    if not isinstance(share, int | float) or not 0 <= share <= 1:
        raise UserError(
            f"data.mix_probability must be a share of the batches, 0 to 1, but is {share!r}"
        )


def check_recipe(loading: LoadingOptions, info: DataInfo) -> None:
    """Check that the options of a training suit the data.

    Raises:
        UserError: one does not.
    """
    mixing_of(loading, info)
    check_growth(loading, info)
    if loading["permute"] and info.any_size:
        raise UserError(
            "data.permute needs samples of one size, but these may differ; set data.permute=false"
        )
    if loading["sampling"] != "uniform" and not info.kind.has_labels:
        raise UserError(
            f"data.sampling={loading['sampling']} needs one class a sample, but the data is for"
            f" {info.task}; use data.sampling=uniform"
            f"{', and model.class_weights=balanced' if info.kind.has_masks else ''}"
        )


def check_growth(loading: LoadingOptions, info: DataInfo) -> None:
    """Check that samples can be resized if they shall.

    Raises:
        UserError: they cannot.
    """
    if growth_of(loading, info.spatial_shape) is None:
        return
    reason = (
        "samples of any size are cropped, not resized"
        if info.any_size
        else "clean signals would be resampled"
        if info.kind.gives_signals
        else "data.permute moves positions of the full size"
        if loading["permute"]
        else None
    )
    if reason is not None:
        raise UserError(
            "data.initial_scale below 1 needs samples that can be resized, but"
            f" {reason}; use data.initial_scale=1"
        )


def mixing_of(loading: LoadingOptions, info: DataInfo) -> Mixing | None:
    """Return how batches of the data are mixed; None if they are not.

    Raises:
        UserError: targets of this kind cannot be mixed so.
    """
    alphas = loading["mixup_alpha"], loading["cutmix_alpha"]
    if not any(alphas):
        return None
    return Mixing(info.kind, info.num_classes, *alphas, loading["mix_probability"])


WORDS = {int: "whole numbers", float: "numbers"}


def per_axis(
    name: str, value: Any, dim: int, kind: type[int] | type[float]
) -> tuple[Any, ...] | None:
    """Return `dim` positive numbers from one for all axes, or one for each; None for None.

    Args:
        name: of the option of the data.

    Raises:
        UserError: any other value.
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
