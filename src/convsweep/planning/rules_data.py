"""Rules about the data: size, colour, split, augmentation, imbalance. docs/plan.md has them with
their sources.
"""

from collections.abc import Callable, Sequence

import numpy as np

from convsweep.data.datamodule import DataModule
from convsweep.data.samples import Parts
from convsweep.errors import UserError
from convsweep.planning.decisions import Decisions
from convsweep.planning.files import ImageFile, most_common
from convsweep.planning.look import Look
from convsweep.planning.mirror import FEWEST as FEWEST_MIRRORED
from convsweep.task import MULTI_LABEL

# Sizes of resized images are multiples of it, and at most this.
SIZE_MULTIPLE, LARGEST_SIZE = 16, 224
# Share of the files that settle the size by having it.
MOST_FILES = 0.9
# Crops of volumes are multiples of the first, at most the second; volumes are resampled if their
# spacings differ by more than this factor.
PATCH_MULTIPLE, LARGEST_PATCH, UNEQUAL = 8, 96, 1.1
# Below so many samples to train and validate on, a split says little: five folds (nnU-Net).
FEW, NUM_FOLDS = 300, 5
FEWEST = 5
# A class is rare if the most frequent one has so many times its samples.
RARE = 3.0
# Spread of the samples' brightness, in standard deviations within samples, from which each sample
# is normalised by itself.
UNEVEN = 1.0
# Steps of an epoch that a batch leaves at least, and largest batch.
STEPS_AN_EPOCH, LARGEST_BATCH = 8, 64
# Share of the free memory that one training may take.
MEMORY_SHARE = 0.5


def decide_size(decisions: Decisions, headers: Sequence[ImageFile], has_masks: bool) -> None:
    """Decide the size and colour of images from their files' headers; masks keep their detail."""
    sizes = [header.size for header in headers]
    usual: tuple[int, int] = most_common(sizes) if sizes else (0, 0)
    if len(set(sizes)) > 1 and sizes.count(usual) >= MOST_FILES * len(sizes):
        decisions.decide(
            "data.image_size",
            list(usual),
            f"{sizes.count(usual)} of {len(sizes)} files are of this size, the others are resized",
        )
    elif len(set(sizes)) > 1:
        middle = [sorted(axis)[len(axis) // 2] for axis in zip(*sizes, strict=True)]
        height, width = (rounded(value, has_masks) for value in middle)
        decisions.decide(
            "data.image_size",
            [height, width],
            f"files have {len(set(sizes))} sizes; the median {middle[0]}x{middle[1]}, in multiples"
            f" of {SIZE_MULTIPLE}{'' if has_masks else f', at most {LARGEST_SIZE}'}",
        )
    elif sizes and max(usual) > 2 * LARGEST_SIZE and not has_masks:
        height, width = (rounded(value) for value in usual)
        decisions.decide(
            "data.image_size",
            [height, width],
            f"all files are {usual[0]}x{usual[1]}, more than twice {LARGEST_SIZE}",
        )
    colors = {header.color for header in headers}
    if len(colors) > 1:
        grey = sum(header.color == "grey" for header in headers)
        decisions.decide(
            "data.color",
            "rgb",
            f"{grey} files are grey and {len(headers) - grey} coloured",
        )


def rounded(value: float, has_masks: bool = False) -> int:
    """Return a size as a multiple of `SIZE_MULTIPLE`, of images without masks at most
    `LARGEST_SIZE`.
    """
    size = max(SIZE_MULTIPLE, round(value / SIZE_MULTIPLE) * SIZE_MULTIPLE)
    return int(size if has_masks else min(LARGEST_SIZE, size))


def decide_patch(decisions: Decisions, data: DataModule) -> None:
    """Decide the size of crops of volumes: the median, which almost every volume fits into."""
    if not data.info.any_size or not hasattr(data, "open_pairs"):
        return
    shapes = [image.shape for image, _ in data.open_pairs(data.pairs["train"])]  # type: ignore[attr-defined]
    middle = np.median(np.array(shapes), axis=0)
    patch = [
        min(LARGEST_PATCH, -(-int(size) // PATCH_MULTIPLE) * PATCH_MULTIPLE) for size in middle
    ]
    decisions.decide(
        "data.crop_size",
        patch,
        f"the median of {len(shapes)} volumes, {'x'.join(f'{size:g}' for size in middle)}, in"
        f" multiples of {PATCH_MULTIPLE}, at most {LARGEST_PATCH} (nnU-Net: the median, as far as"
        " memory allows)",
    )


def decide_spacing(decisions: Decisions, spacings: list[list[float]]) -> None:
    """Decide whether volumes are resampled: to the median where spacings differ.

    Args:
        spacings: smallest, median and largest along each axis.
    """
    if any(high > UNEQUAL * low for low, _, high in spacings):
        said = ", ".join(f"{low:.3g} to {high:.3g}" for low, _, high in spacings)
        decisions.decide(
            "data.spacing",
            [float(f"{middle:.4g}") for _, middle, _ in spacings],
            f"spacings differ, {said} mm; the median along each axis (nnU-Net)",
        )


def decide_split(decisions: Decisions, data: DataModule, read: Parts) -> None:
    """Decide what is validated and tested on.

    Raises:
        UserError: there are too few samples, or a class has one.
    """
    train, val, test = read
    check_enough(data, read)
    count = len(train)
    if test is None:
        share = 0.2 if count >= 50 else None
        decisions.decide(
            "data.test_fraction",
            share,
            f"no test part; a fifth of {count} samples, which the search never looks at"
            if share
            else f"no test part, and {count} samples are too few (50) to keep some for it",
        )
        count -= round(count * (decisions.get("data.test_fraction") or 0.0))
    if val is not None:
        return
    if count < FEW and not decisions.given.has("data.val_fraction"):
        folds = min(NUM_FOLDS, count)
        decisions.decide(
            "data.num_folds",
            folds,
            f"{count} samples to train and validate on are fewer than {FEW}, so that the score of"
            f" one split is rough; {NUM_FOLDS} folds (nnU-Net): each trains on four fifths",
        )
        decisions.decide("data.fold", 0, "the one that the search validates on")
        return
    share = 0.1 if count >= 5000 else 0.2
    decisions.decide(
        "data.val_fraction",
        share,
        f"{count} samples to train and validate on: a tenth from 5,000 on, else a fifth",
    )


def check_enough(data: DataModule, read: Parts) -> None:
    """Check that there is enough to train and to validate on.

    Raises:
        UserError: there are too few samples, or a class has only one.
    """
    train, val, _ = read
    if len(train) < FEWEST:
        raise UserError(
            f"a plan needs at least {FEWEST} samples to train and validate on, but the training"
            f" part holds {len(train)} ({', '.join(train.names)}); add samples, or train without a"
            " plan: with so few no choice can be judged"
        )
    if not data.info.kind.has_labels or val is not None:
        return
    labels = np.asarray(train.y).tolist()
    for number, name in enumerate(data.info.class_names):
        if labels.count(number) == 1:
            only = train.names[labels.index(number)]
            raise UserError(
                "every class needs at least two samples, one to train and one to validate on, but"
                f" {name} has one ({only}); add samples of it, or leave the class out"
            )


def decide_batch(
    decisions: Decisions, num_train: int, dim: int, sample_bytes: int, is_dense: bool
) -> int:
    """Decide the batch size by the number of samples; `fit_memory` halves it."""
    largest = {1: 16 if is_dense else LARGEST_BATCH, 2: 8 if is_dense else LARGEST_BATCH, 3: 2}[dim]
    if sample_bytes > 2**18:  # 256x256 and more
        largest = min(largest, 4)
    batch = 2
    while batch < largest and num_train // (2 * batch) >= STEPS_AN_EPOCH:
        batch *= 2
    return int(
        decisions.decide(
            "data.batch_size",
            batch,
            f"the largest power of two up to {largest} that leaves {STEPS_AN_EPOCH} steps an epoch"
            f" of {num_train:,} samples (batches of 64 beat 128 on Fashion-MNIST, docs/results.md)",
        )
    )


def decide_augmentation(decisions: Decisions, look: Look) -> list[str]:
    """Decide how samples are augmented, and return the other options worth a try."""
    dim = len(look.in_shape) - 1
    if look.kind.gives_signals:
        decisions.choose("data/augment", "none", "noise is drawn anew in every epoch")
        return []
    if dim == 3:
        decisions.choose("data/augment", "mirror", "volumes are mirrored along each axis (nnU-Net)")
        return ["none", "mirror"]
    if dim == 1:
        decisions.choose(
            "data/augment", "none", "signals have a direction, and nothing is known of their noise"
        )
        return ["none", "erasing"]
    if decisions.given.has("data.augment"):
        return []
    sides, heights = look.mirrored["left and right"], look.mirrored["up and down"]
    said = f"left and right: {sides.text}; up and down: {heights.text}"
    if look.kind.has_masks:
        # masks follow their images, so an axis is mirrored unless that makes other images of them
        option = {(True, True): "flips", (True, False): "flip"}.get(
            (not sides.is_other, not heights.is_other), "none"
        )
        decisions.choose("data/augment", option, f"mirrored unless that shows (nnU-Net): {said}")
        return list(dict.fromkeys(["none", option]))
    few = sides.count < FEWEST_MIRRORED // 2
    if sides.is_alike and heights.is_alike:
        option, why = "flips", "images have no direction"
    elif sides.is_alike or (few and look.in_shape[0] == 3):
        option, why = "shift_flip", "left and right may be exchanged"
    else:
        option, why = "shift", "a mirror image is no sample"
    if option == "shift" and min(look.in_shape[1:]) < 16:
        option = "none"
        why += f", and a shift of {min(look.in_shape[1:])} pixels by a tenth is less than one"
    decisions.choose("data/augment", option, f"{why}: {said} (50 % is chance)")
    return list(dict.fromkeys(["none", option, "erasing"]))


def decide_normalization(decisions: Decisions, look: Look) -> None:
    """Decide whether samples are normalised each by itself."""
    spread = look.brightness_spread
    if spread > UNEVEN and not look.kind.gives_signals:
        decisions.decide(
            "model.normalize_by",
            "sample",
            f"samples differ in brightness by {spread:.2g} standard deviations within a sample,"
            f" more than {UNEVEN:g}",
        )


def decide_balance(decisions: Decisions, look: Look) -> None:
    """Decide how rare classes are made to count, and what is monitored."""
    imbalance = look.imbalance
    said = f"the most frequent class has {imbalance:.3g} times the samples of the rarest"
    if look.kind.has_labels and imbalance > RARE:
        decisions.decide("data.sampling", "square_root", f"{said}, more than {RARE:g}")
        decide_monitor(decisions, "val/f1", "max", f"{said}: accuracy would hide the rare ones")
    elif look.kind.has_masks:
        decisions.decide("model.dice_weight", 1.0, "cross-entropy and Dice together (nnU-Net)")
        if len(look.class_names) == 2:
            rare = look.class_names[look.counts.index(min(look.counts))]
            decide_monitor(decisions, f"val/iou/{rare}", "max", "the rarer of two classes")
        else:
            decide_monitor(decisions, "val/foreground_dice", "max", "the background is left out")
    elif look.task == MULTI_LABEL and imbalance > RARE:
        decisions.decide("model.label_weights", "balanced", f"{said}, more than {RARE:g}")


def decide_monitor(decisions: Decisions, metric: str, mode: str, why: str) -> None:
    """Decide the metric by which epochs and trials are chosen."""
    if decisions.decide("model.monitor", metric, why) == metric:
        decisions.decide("model.monitor_mode", mode, "of that metric")


def fit_memory(decisions: Decisions, batch: int, memory: Callable[[int], int], slots: int) -> int:
    """Halve the batch until a step fits into its share of the free memory.

    Args:
        memory: function from a batch size to the bytes of a step.
        slots: trainings at a time.
    """
    from convsweep.cost import in_bytes
    from convsweep.cost.free_memory import free_memory

    room = MEMORY_SHARE * free_memory() / slots
    fits = batch
    while fits > 1 and memory(fits) > room:
        fits //= 2
    if fits < batch:
        held = decisions.decide(
            "data.batch_size",
            fits,
            f"a step of {batch} takes {in_bytes(memory(batch))}, one of {fits}"
            f" {in_bytes(memory(fits))}, and a training may take {in_bytes(room)}",
        )
        return int(held)
    return batch
