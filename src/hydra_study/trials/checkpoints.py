"""The checkpoints of trials: from which one a retry or a paused trial resumes, and their end."""

import shutil
from pathlib import Path

from optuna.trial import FrozenTrial

from hydra_study import attributes
from hydra_study.paths import SweepPaths


class TrialCheckpoints:
    """The checkpoints in the trials' folders.

    Args:
        paths: Paths of the sweep's files.
        pattern: Glob pattern of the checkpoints in a trial's folder.
    """

    def __init__(self, paths: SweepPaths, pattern: str) -> None:
        self._paths = paths
        self._pattern = pattern

    def newest(self, trial: FrozenTrial) -> str | None:
        """Return the trial's newest checkpoint, else the one that it resumed from if that still
        exists, else None.
        """
        own = max(self._files(trial), key=lambda path: path.stat().st_mtime, default=None)
        if own is not None:
            return str(own)
        former: str | None = trial.user_attrs.get(attributes.CHECKPOINT)
        return former if former is not None and Path(former).exists() else None

    def remove(self, trial: FrozenTrial) -> None:
        """Remove the files that match the pattern, and those beside them with the same suffix."""
        for found in self._files(trial):
            for path in found.parent.glob(f"*{found.suffix}"):
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)

    def _files(self, trial: FrozenTrial) -> list[Path]:
        return list(self._paths.trial(trial.number).glob(self._pattern))
