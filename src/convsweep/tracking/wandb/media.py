"""Predictions, recordings and confusion matrices as W&B media."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convsweep.pictures.drawing import caption, signal_picture
from convsweep.pictures.prediction import Prediction

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


def prediction_image(prediction: Prediction, names: Sequence[str]) -> Any:
    """Return a W&B image with the classes as caption, or with true and predicted mask as
    overlays.
    """
    import wandb

    if prediction.dim == 1:
        return wandb.Image(signal_picture(prediction), caption=caption(prediction, names))
    if not prediction.is_mask:
        return wandb.Image(prediction.plane(), caption=caption(prediction, names))
    labels = dict(enumerate(names))
    truth, predicted = (mask.astype(np.uint8) for mask in prediction.masks())
    overlays = {
        "predicted": {"mask_data": predicted, "class_labels": labels},
        "true": {"mask_data": truth, "class_labels": labels},
    }
    return wandb.Image(prediction.plane(), caption=prediction.name, masks=overlays)


def recording_media(split: str, picture: Path, files: Mapping[Path, str]) -> dict[str, Any]:
    """Return recordings (captions by file) as W&B audio, and their spectrograms as an image."""
    import wandb

    sounds = [wandb.Audio(str(file), caption=caption) for file, caption in files.items()]
    return {f"recordings/{split}": sounds, f"spectrograms/{split}": wandb.Image(str(picture))}


def figure_media(name: str, picture: Path) -> dict[str, Any]:
    """Return a picture file as W&B shows it."""
    import wandb

    return {name: wandb.Image(str(picture))}
