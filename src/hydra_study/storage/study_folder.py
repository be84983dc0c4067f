"""Pair a study with its folder by an id that both store: one folder for one study."""

import logging
import os
from pathlib import Path

from hydra_study import attributes
from hydra_study.errors import StudyError
from hydra_study.paths import SweepPaths
from hydra_study.storage.heartbeat import LivenessMonitor
from hydra_study.storage.storage import OpenStudy
from hydra_study.sweep_spec import SweepSpec

log = logging.getLogger("study")

_RULE = "a study keeps its trials, and the locks of its workers, in one folder"


def pair_with_folder(study: OpenStudy, spec: SweepSpec) -> str:
    """Return the id that pairs the study with its folder; the caller holds the ask lock.

    A folder that was moved keeps its id, so its study can be continued.

    Raises:
        StudyError: The study has another folder, or the folder has trials of another study.
    """
    paths, here = spec.paths, spec.paths.id()
    if spec.options.changed_folder not in ("refuse", "accept"):
        raise StudyError(
            "hydra.sweeper.changed_folder must be refuse or accept, but got"
            f" {spec.options.changed_folder!r}"
        )
    stored, folder = (
        study.user_attrs.get(attributes.STUDY_ID),
        study.user_attrs.get(attributes.STUDY_FOLDER),
    )
    former = None if folder in (None, str(paths.folder)) else Path(str(folder))
    if stored is not None and stored == here:
        if former is not None and _is_copy(former, paths):
            found = f"study {study.study_name!r} has {former}, of which {paths.folder} is a copy"
            raise StudyError(f"{_RULE}, but {found}; {_remedy(former)}")
    else:
        if former is not None:
            _leave(study.study_name, former, spec)
        own = (
            len(study.get_trials(deepcopy=False))
            if here is None and folder == str(paths.folder)
            else 0
        )
        _refuse_trials_of_others(paths, own)
        stored = stored or os.urandom(8).hex()
        paths.study_id.write_text(f"{stored}\n")
        study.set_user_attr(attributes.STUDY_ID, stored)
    if folder != str(paths.folder):
        study.set_user_attr(attributes.STUDY_FOLDER, str(paths.folder))
    return str(stored)


def _is_copy(former: Path, paths: SweepPaths) -> bool:
    """Return whether the former folder still exists and is not this one under another name."""
    return SweepPaths(former).id() == paths.id() and not former.samefile(paths.folder)


def _remedy(folder: str | Path) -> str:
    return f"start it with hydra.sweep.dir={folder}, or choose another hydra.sweeper.study_name"


def _leave(name: str, folder: Path, spec: SweepSpec) -> None:
    """Check that the study may leave its folder.

    Raises:
        StudyError: That is not accepted, or workers are running there.
    """
    options, paths = spec.options, spec.paths
    found = f"{_RULE}, but study {name!r} has {folder}, and this start has {paths.folder}"
    if options.changed_folder == "refuse":
        gone = (
            ""
            if folder.is_dir()
            else "; where that folder is gone for good: hydra.sweeper.changed_folder=accept"
        )
        raise StudyError(f"{found}; {_remedy(folder)}{gone}")
    workers = SweepPaths(folder).workers
    if workers.is_dir() and LivenessMonitor(workers, options.stale_after).living_workers():
        raise StudyError(
            f"{found}, while workers are running in the first; stop them, or {_remedy(folder)}"
        )
    log.info("study %s leaves %s and continues in %s", name, folder, paths.folder)


def _refuse_trials_of_others(paths: SweepPaths, own: int) -> None:
    """Refuse a folder with trials of another study, whose outcomes and checkpoints it would mix in.

    Args:
        paths: The folder.
        own: How many trials in it are the study's own.

    Raises:
        StudyError: It has trials of another study.
    """
    numbers = sorted(
        int(path.name) for path in paths.folder.iterdir() if path.name.isdigit() and path.is_dir()
    )
    others = [str(number) for number in numbers if number >= own]
    if others:
        listed = ", ".join(others[:5]) + (", ..." if len(others) > 5 else "")
        rule = "a study must begin in a folder without trials"
        remedy = "move them away, or choose another hydra.sweeper.study_name or hydra.sweep.dir"
        raise StudyError(
            f"{rule}, but {paths.folder} has those of another one ({listed}); {remedy}"
        )
