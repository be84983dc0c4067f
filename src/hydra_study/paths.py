"""Paths of the files of a sweep."""

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SweepPaths:
    """The folder of a sweep: a folder for each trial, named by its number, and `.study/` for the
    workers' own files.
    """

    folder: Path

    @property
    def journal(self) -> Path:
        """Journal file of the study, unless it is stored in a database."""
        return self.folder / "study.journal"

    @property
    def config(self) -> Path:
        """Composed config of the last start, `hydra` included, with unresolved interpolations."""
        return self.folder / "multirun.yaml"

    @property
    def preset(self) -> Path:
        """The best trial so far as a config; its first line names the trial."""
        return self.folder / "best.yaml"

    def winner(self) -> int | None:
        """Return the number of the trial in `preset`; None before a trial is complete."""
        found = (
            re.match(r"# Trial (\d+) of study", self.preset.read_text())
            if self.preset.is_file()
            else None
        )
        return int(found[1]) if found else None

    @property
    def own(self) -> Path:
        """Folder of the files by which workers coordinate."""
        return self.folder / ".study"

    @property
    def study_id(self) -> Path:
        """File with the id of the study that this folder belongs to."""
        return self.own / "study"

    def id(self) -> str | None:
        """Return the id of the study that this folder belongs to, or None."""
        return self.study_id.read_text().strip() if self.study_id.is_file() else None

    @property
    def ask_lock(self) -> Path:
        """Lock file, held while a worker checks the budget and asks for a trial."""
        return self.own / "ask.lock"

    @property
    def record_lock(self) -> Path:
        """Lock file, held while the tables of the sweep are written."""
        return self.own / "record.lock"

    @property
    def workers(self) -> Path:
        """Folder of one heartbeat file per worker."""
        return self.own / "workers"

    @property
    def sessions(self) -> Path:
        """Folder of one file per start of the sweep, with its duration in seconds."""
        return self.own / "sessions"

    def trial(self, number: int) -> Path:
        """Folder of a trial."""
        return self.folder / str(number)

    def outcome(self, number: int) -> Path:
        """File with the outcome of a trial."""
        return self.trial(number) / "outcome.json"

    def make(self) -> None:
        """Create the folders."""
        for folder in (self.folder, self.own, self.workers, self.sessions):
            folder.mkdir(parents=True, exist_ok=True)
