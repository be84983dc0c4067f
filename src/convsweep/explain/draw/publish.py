"""Output of figures to files and to W&B."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convsweep.errors import UserError
from convsweep.run_folder import CONFIG

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 120


def save(figure: "Figure", folder: Path, name: str, kind: str) -> Path:
    """Write a figure and return its file.

    Raises:
        UserError: the folder cannot be written to.
    """
    path = folder / f"{name}.{kind}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=DPI)
    except OSError as error:
        raise UserError(
            f"--out must be a folder that can be written to, but {path}: {error.strerror}"
        ) from error
    return path


def run_folder(checkpoint: Path) -> Path | None:
    """Return the run folder of a checkpoint, or None."""
    folder = checkpoint.absolute().parent.parent
    return folder if (folder / CONFIG).is_file() else None


def log_to_wandb(
    logger: Mapping[str, Any],
    figures: Mapping[str, "Figure"],
    folder: Path,
    checkpoint: Path | None,
) -> str:
    """Log figures to the W&B run of a folder, or to a new one, and return its address.

    Args:
        logger: the config of the group `logger`.
        folder: of the run, whose W&B run is resumed if it has one.

    Raises:
        UserError: the config logs nothing to W&B.
    """
    import torch

    from convsweep.tracking import WandbLogger
    from convsweep.tracking.tracker import OWN
    from convsweep.tracking.wandb.run import RUN_FILE

    if logger.get("_target_") not in OWN:
        raise UserError(
            "--wandb needs a run that logs to W&B, but its config has another logger; leave"
            " --wandb out"
        )
    options = {name: value for name, value in logger.items() if name != "_target_"}
    folder.mkdir(parents=True, exist_ok=True)
    own = WandbLogger(**options, folder=folder, resume=(folder / RUN_FILE).is_file())
    epoch = (
        0
        if checkpoint is None
        else int(torch.load(checkpoint, weights_only=True, mmap=True).get("epoch", 0))
    )

    def media() -> dict[str, Any]:
        import wandb

        return {f"drawings/{name}": wandb.Image(figure) for name, figure in figures.items()}

    own.log_media(media, epoch)
    own.close("complete")
    return str(folder / RUN_FILE)
