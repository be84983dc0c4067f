"""Predictions, recordings and confusion matrices as W&B media."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convsweep.pictures.drawing import caption, signal_picture
from convsweep.pictures.prediction import Plane, Prediction

# Rows that W&B shows of a table.
MAX_CELLS = 10_000


def confusion_chart(counts: NDArray[np.int64], names: Sequence[str], title: str) -> Any:
    """Return W&B's chart of a confusion matrix; of a large one only the largest cells, since W&B
    limits the size of tables.
    """
    import wandb

    cells = [(row, column) for row in range(len(names)) for column in range(len(names))]
    if len(cells) > MAX_CELLS:
        cells = [
            divmod(int(cell), len(names))
            for cell in np.argsort(counts, axis=None)[: -MAX_CELLS - 1 : -1]
        ]
    fields = {"Actual": "Actual", "Predicted": "Predicted", "nPredictions": "nPredictions"}
    rows = [[names[row], names[column], int(counts[row, column])] for row, column in cells]
    table = wandb.Table(columns=list(fields), data=rows)
    return wandb.plot_table("wandb/confusion_matrix/v1", table, fields, {"title": title})


def prediction_images(predictions: Sequence[Prediction], names: Sequence[str]) -> list[Any]:
    """Return W&B images with the classes as caption, or with true and predicted mask as overlays;
    padded to one size, since W&B displays images of several sizes wrongly.
    """
    planes = [signal_picture(each) if each.dim == 1 else each.plane() for each in predictions]
    size = np.max([plane.shape[:2] for plane in planes], axis=0)
    return [
        prediction_image(each, padded_to(size, plane), names)
        for each, plane in zip(predictions, planes, strict=True)
    ]


def prediction_image(prediction: Prediction, plane: Plane, names: Sequence[str]) -> Any:
    """Return a W&B image of a prediction, drawn on a plane (H, W, 3) at least as large as its
    masks.
    """
    import wandb

    if not prediction.is_mask or prediction.dim == 1:
        return wandb.Image(plane, caption=caption(prediction, names))
    labels = dict(enumerate(names))
    truth, predicted = (
        padded_to(plane.shape, mask.astype(np.uint8)) for mask in prediction.masks()
    )
    overlays = {
        "predicted": {"mask_data": predicted, "class_labels": labels},
        "true": {"mask_data": truth, "class_labels": labels},
    }
    return wandb.Image(plane, caption=prediction.name, masks=overlays)


def padded_to(size: Sequence[int], picture: Plane) -> Plane:
    """Return a picture (H, W, ...) with zeros below and to the right of it, at least as large as
    `size`.
    """
    missing = [(0, want - have) for want, have in zip(size, picture.shape[:2], strict=False)]
    return np.pad(picture, missing + [(0, 0)] * (picture.ndim - 2))


def recording_media(split: str, picture: Path, files: Mapping[Path, str]) -> dict[str, Any]:
    """Return recordings (captions by file) as W&B audio, and their spectrograms as an image."""
    import wandb

    sounds = [wandb.Audio(str(file), caption=caption) for file, caption in files.items()]
    return {f"recordings/{split}": sounds, f"spectrograms/{split}": wandb.Image(str(picture))}


def figure_media(name: str, picture: Path) -> dict[str, Any]:
    """Return a picture file as W&B shows it."""
    import wandb

    return {name: wandb.Image(str(picture))}
