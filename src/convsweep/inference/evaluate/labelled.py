"""Labelled samples for a trained network: a part of its training data set, or another folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from hydra.utils import get_object

from convsweep.data.checks import check_samples
from convsweep.data.files.images import COLORS
from convsweep.data.options import LOADING
from convsweep.data.samples import PARTS, DataInfo, Samples
from convsweep.errors import UserError
from convsweep.training.build import data_module, plain_errors
from convsweep.training.trained import Trained

if TYPE_CHECKING:
    from convsweep.data.datamodule import DataModule

# A data module, and samples to load with it.
Source = tuple["DataModule", Samples]


def own_part(trained: Trained, split: str) -> Source:
    """Return a part of the network's own data set.

    Raises:
        UserError: the data is missing or has changed, or has no such part.
    """
    check_unseen(trained, split)
    data = data_module(trained.data)
    try:
        data.setup()
    except UserError as error:
        raise UserError(
            f"the data of the training cannot be read: {error} (or name a labelled FOLDER)"
        ) from None
    mine, theirs = trained.info, data.info
    if (theirs.in_shape, theirs.class_names) != (mine.in_shape, mine.class_names):
        raise UserError(
            f"the data must be what the network was trained on, {describe_network(mine)}, but is"
            f" now {describe_network(theirs)}; name a labelled FOLDER instead"
        )
    samples = {"train": data.train, "val": data.val, "test": data.test}[split]
    if samples is None:
        raise UserError(
            f"the data of the training has no {split} part; say --split val, or name a labelled"
            " FOLDER"
        )
    return data, samples


# Options of the data that do not change which samples are in the test part, and those of them that
# do not change which are in the validation part.
SAME_TEST = frozenset({"fold", "num_folds", "val_fraction", "train_on_val"})
SAME_PARTS = frozenset(LOADING) - {"test_fraction", "split_seed", "group", *SAME_TEST}
SAME_SAMPLES = SAME_PARTS | {"keep", "cache_dir"}


def check_unseen(trained: Trained, split: str) -> None:
    """Check that the networks of an ensemble share a part of the data, so that none was trained on
    what another was tested on.

    Raises:
        UserError: they do not.
    """
    free = SAME_SAMPLES | (SAME_TEST if split == "test" else frozenset())
    first = trained.data
    for other in trained.others:
        differing = [
            key
            for key in first.keys() | other.data.keys()
            if key not in free and first.get(key) != other.data.get(key)
        ]
        if differing:
            key = min(differing)
            raise UserError(
                f"the networks of an ensemble must have the {split} part in common, but data.{key}"
                f" is {first.get(key)} for {trained.checkpoint} and {other.data.get(key)} for"
                f" {other.checkpoint}, which may have been trained on it;"
                f" {'say --split test, or ' if split != 'test' else ''}name a labelled FOLDER"
            )


def folder_part(trained: Trained, folder: Path, split: str, convert_color: bool = False) -> Source:
    """Return the samples of a folder (or file of arrays): all, or one part if it is divided.

    Raises:
        UserError: it is missing, or differs from the network in task, shape or classes.
    """
    if not folder.exists():
        raise UserError(f"FOLDER must hold labelled data, but there is nothing at {folder}")
    data = data_module(config_for(trained, folder, convert_color))
    try:
        theirs = data.describe()
        check_fit(trained.info, theirs, folder)
        parts = dict(zip(PARTS, data.read_parts(), strict=True))
        data.unreadable.tell()
    except UserError as error:
        rule = (
            f"FOLDER must hold labelled data for {trained.info.task} in the form of the training"
            " data"
        )
        raise UserError(f"{rule} (data.* cannot be set here): {error}") from None
    data.info = theirs  # data with a single class can be evaluated, though not learnt
    samples = (
        parts[split] if any(parts[part] is not None for part in ("val", "test")) else parts["train"]
    )
    if samples is None:
        raise UserError(
            f"{folder} is divided, but has no {split} part; say --split train, val or test"
        )
    check_samples(samples, theirs, split)
    return data, relabel_samples(samples, theirs, trained.info, folder)


def config_for(trained: Trained, folder: Path, convert_color: bool) -> dict[str, Any]:
    """Return the config of data in another place, based on the training's if that read the user's
    own files.

    Raises:
        UserError: this network does not take a folder of images.
    """
    with plain_errors("data"):
        own = get_object(trained.data["_target_"]).own_files
    info = trained.info
    color = COLORS.get(info.in_channels) if convert_color else None
    if own is not None:
        here = {
            own: str(folder),
            "holdout": None,
            "targets": list(info.class_names),
            "color": color or trained.data.get("color"),
        }
        return trained.data | {key: value for key, value in here.items() if key in trained.data}
    shared: dict[str, Any] = {
        "batch_size": trained.data["batch_size"],
        "permute": trained.data.get("permute", False),
    }
    if folder.is_file() or any(folder.glob("*.npy")):
        names = list(info.class_names)
        arrays = {
            "_target_": "convsweep.data.sources.arrays.Arrays",
            "path": str(folder),
            "task": info.task,
            "class_names": names,
        }
        return shared | arrays | {"ignore_index": info.ignore_index}
    if len(info.spatial_shape) != 2 or info.in_channels not in COLORS or not info.kind.has_classes:
        raise UserError(
            f"a folder of images is nothing for {info.task} of {describe_network(info)}; name a"
            " .npz file with x and y"
        )
    images = {"root": str(folder), "color": color or "auto"}
    if info.kind.has_masks:
        masks = {"class_names": list(info.class_names), "ignore_index": info.ignore_index}
        return (
            shared | images | masks | {"_target_": "convsweep.data.sources.mask_folder.MaskFolder"}
        )
    size = {"image_size": list(info.spatial_shape), "resize": trained.data.get("resize", "stretch")}
    return shared | images | size | {"_target_": "convsweep.data.sources.image_folder.ImageFolder"}


def check_fit(mine: DataInfo, theirs: DataInfo, folder: Path) -> None:
    """Raise UserError unless a network trained on data like `mine` can process data like `theirs`;
    classes are checked elsewhere.
    """
    if mine.task != theirs.task:
        raise UserError(
            f"the network is for {mine.task}, but {folder} holds data for {theirs.task}; name"
            " another checkpoint"
        )
    sizes_matter = not mine.kind.is_dense and not mine.any_size
    if mine.in_channels != theirs.in_channels or (
        sizes_matter and mine.in_shape != theirs.in_shape
    ):
        remedy = (
            ""
            if mine.in_channels == theirs.in_channels
            else "; say --convert-color to turn images grey or RGB"
        )
        rule = f"samples must be as the network was trained on, {describe_network(mine)}"
        raise UserError(f"{rule}, but {folder} holds {describe_network(theirs)}{remedy}")


def relabel_samples(samples: Samples, theirs: DataInfo, mine: DataInfo, folder: Path) -> Samples:
    """Return the samples with the network's class indices.

    Raises:
        UserError: a class is unknown to the network.
    """
    if theirs.class_names == mine.class_names:
        return samples
    strange = sorted(set(theirs.class_names) - set(mine.class_names))
    if strange or not mine.kind.has_labels:
        raise UserError(
            f"classes must be ones that the network knows ({some(mine.class_names)}), but {folder}"
            f" holds {some(strange or theirs.class_names)}; rename or remove them"
        )
    index = np.array([mine.class_names.index(name) for name in theirs.class_names])
    return Samples(samples.x, index[np.asarray(samples.y)], samples.names)


def describe_network(info: DataInfo) -> str:
    """Return a description of shape and number of classes."""
    return f"{'x'.join(map(str, info.in_shape))} with {info.num_classes} classes"


def some(names: Any) -> str:
    """Return the first few of many names."""
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
