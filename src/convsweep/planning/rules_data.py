"""Rules about the data: size, colour, split, augmentation, imbalance. docs/plan.md has them with
their sources.
"""

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from convsweep.data.datamodule import DataModule
from convsweep.data.samples import Parts
from convsweep.errors import UserError
from convsweep.planning.decisions import Decisions
from convsweep.planning.files import ImageFile, most_common
from convsweep.planning.look import Look

# Sizes of resized images are multiples of it, and at most this.
SIZE_MULTIPLE, LARGEST_SIZE = 16, 224
# Share of the files that settle the size by having it.
MOST_FILES = 0.9
# Below so many samples to train and validate on, a split says little: five folds (nnU-Net).
FEW, NUM_FOLDS = 300, 5
FEWEST = 5
# A class is rare if the most frequent one has so many times its samples.
RARE = 3.0
# Spread of the samples' brightness, in standard deviations within samples, from which each sample
# is normalised by itself.
UNEVEN = 1.0
# Steps of an epoch that a batch leaves at least, and largest batch.
STEPS_AN_EPOCH, LARGEST_BATCH = 20, 64
# Share of the free memory that one training may take.
MEMORY_SHARE = 0.5


def decide_size(decisions: Decisions, headers: Sequence[ImageFile]) -> None:
    """Decide the size and colour of images from their files' headers."""
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
        height, width = (rounded(value) for value in middle)
        decisions.decide(
            "data.image_size",
            [height, width],
            f"files have {len(set(sizes))} sizes; the median {middle[0]}x{middle[1]}, in multiples"
            f" of {SIZE_MULTIPLE}, at most {LARGEST_SIZE}",
        )
    elif sizes and max(sizes[0]) > 2 * LARGEST_SIZE and "masks" not in decisions.get("data", ""):
        height, width = (rounded(value) for value in sizes[0])
        decisions.decide(
            "data.image_size",
            [height, width],
            f"all files are {sizes[0][0]}x{sizes[0][1]}, more than twice {LARGEST_SIZE}",
        )
    colors = {header.color for header in headers}
    if len(colors) > 1:
        grey = sum(header.color == "grey" for header in headers)
        decisions.decide(
            "data.color",
            "rgb",
            f"{grey} files are grey and {len(headers) - grey} coloured",
        )


def rounded(value: float) -> int:
    """Return a size as a multiple of `SIZE_MULTIPLE`, at most `LARGEST_SIZE`."""
    return int(min(LARGEST_SIZE, max(SIZE_MULTIPLE, round(value / SIZE_MULTIPLE) * SIZE_MULTIPLE)))


def decide_split(decisions: Decisions, data: DataModule, read: Parts) -> int | None:
    """Decide what is validated and tested on, and return the number of folds, None for a split.

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
        return None
    share = 0.1 if count >= 5000 else 0.2
    decisions.decide(
        "data.val_fraction",
        share,
        f"{count} samples to train and validate on: a tenth from 5,000 on, else a fifth"
        + (
            f"; fewer than {FEW}, so scores of one split are rough: {round(count * share)} samples"
            if count < FEW
            else ""
        ),
    )
    return None


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


def decide_batch(decisions: Decisions, num_train: int, dim: int, sample_bytes: int) -> int:
    """Decide the batch size by the number of samples; `fit_memory` halves it."""
    largest = {1: LARGEST_BATCH, 2: LARGEST_BATCH, 3: 4}[dim]
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
    if look.task == "denoising":
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
    said = "; ".join(
        f"{word} mirrored are told from the samples in {test.accuracy:.0%} of {test.count} cases"
        for word, test in (("left and right", sides), ("up and down", heights))
    )
    is_dense = look.task == "segmentation"
    few = sides.count < 50
    if (sides.is_alike and heights.is_alike) or (few and is_dense):
        option, why = "flips", "no direction" if not few else "masks follow their images (nnU-Net)"
    elif sides.is_alike or (few and look.in_shape[0] == 3 and not is_dense):
        option, why = "shift_flip" if not is_dense else "flip", "left and right may be exchanged"
    else:
        option, why = "shift" if not is_dense else "none", "a mirror image is no sample"
    if option == "shift" and min(look.in_shape[1:]) < 16:
        option = "none"
        why += f", and a shift of {min(look.in_shape[1:])} pixels by a tenth is less than one"
    decisions.choose("data/augment", option, f"{why}: {said} (50 % is chance)")
    extra = ["none", option, "erasing"] if not is_dense else ["none", option]
    return list(dict.fromkeys(extra))


def decide_normalization(decisions: Decisions, look: Look) -> None:
    """Decide whether samples are normalised each by itself."""
    spread = look.brightness_spread
    if spread > UNEVEN and look.task != "denoising":
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
    if look.task == "classification" and imbalance > RARE:
        decisions.decide("data.sampling", "square_root", f"{said}, more than {RARE:g}")
        decide_monitor(decisions, "val/f1", "max", f"{said}: accuracy would hide the rare ones")
    elif look.task == "segmentation":
        decisions.decide("model.dice_weight", 1.0, "cross-entropy and Dice together (nnU-Net)")
        two = len(look.class_names) == 2
        name = f"val/iou/{look.class_names[1]}" if two else "val/foreground_dice"
        decide_monitor(decisions, name, "max", "what the background does not dominate")
    elif look.task == "multi_label" and imbalance > RARE:
        decisions.decide("model.label_weights", "balanced", f"{said}, more than {RARE:g}")


def decide_monitor(decisions: Decisions, metric: str, mode: str, why: str) -> None:
    """Decide the metric by which epochs and trials are chosen."""
    if decisions.decide("model.monitor", metric, why) == metric:
        decisions.decide("model.monitor_mode", mode, "of that metric")


def free_memory() -> int:
    """Return the bytes that are free: of the GPU if there is one, else of the machine."""
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.mem_get_info()[0])
    pages = "SC_AVPHYS_PAGES" if "SC_AVPHYS_PAGES" in os.sysconf_names else "SC_PHYS_PAGES"
    return available_from(Path("/proc/meminfo")) or os.sysconf(pages) * os.sysconf("SC_PAGE_SIZE")


def available_from(meminfo: Path) -> int | None:
    """Return the bytes that Linux says are available, caches included; None elsewhere."""
    if not meminfo.is_file():
        return None
    found = re.search(r"MemAvailable:\s+(\d+) kB", meminfo.read_text())
    return int(found[1]) * 1024 if found else None


def fit_memory(decisions: Decisions, batch: int, memory: Callable[[int], int], slots: int) -> int:
    """Halve the batch until a step fits into its share of the free memory.

    Args:
        memory: function from a batch size to the bytes of a step.
        slots: trainings at a time.
    """
    from convsweep.cost import in_bytes

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
