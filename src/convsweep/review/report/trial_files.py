"""Folder and best checkpoint of a trial on this machine."""

from pathlib import Path

from optuna.trial import FrozenTrial

from convsweep.review.study import Sweep
from convsweep.run_folder import CONFIG, read_result
from hydra_study import SweepPaths, attributes


def trial_folder(sweep: Sweep, trial: FrozenTrial) -> Path | None:
    """Return the folder of a trial, also of a moved sweep; of the first of its trainings if there
    are several; None if it is not on this machine.
    """
    said = trial.user_attrs.get(attributes.FOLDER)
    places = [SweepPaths(sweep.folder).trial(trial.number)] if sweep.folder else []
    places += [Path(said)] if said else []
    place = next((place for place in places if place.is_dir()), None)
    if place is None or (place / CONFIG).is_file():
        return place
    return min((config.parent for config in place.glob(f"*/{CONFIG}")), default=place)


def trial_checkpoint(sweep: Sweep, trial: FrozenTrial) -> Path | None:
    """Return the best checkpoint of a trial, None if it is not on this machine."""
    folder = trial_folder(sweep, trial)
    name = None if folder is None else read_result(folder).get("checkpoint")
    return (
        folder / name
        if folder is not None and name is not None and (folder / name).is_file()
        else None
    )
