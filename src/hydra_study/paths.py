"""Where a sweep keeps its files."""

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SweepPaths:
    """The folder of a sweep: one folder a trial, named by its number, and `.study/` for the
    workers' own files.
    """

    folder: Path

    @property
    def journal(self) -> Path:
        """The study, unless it lives in a database."""
        return self.folder / "study.journal"

    @property
    def config(self) -> Path:
        """What the sweep was last started with: its composed config, `hydra` included, nothing of
        it resolved.
        """
        return self.folder / "multirun.yaml"

    @property
    def preset(self) -> Path:
        """The best trial so far as a config; its first line names the trial."""
        return self.folder / "best.yaml"

    def winner(self) -> int | None:
        """Return the number of the trial that the preset was made of; None before a trial is
        complete.
        """
        found = (
            re.match(r"# Trial (\d+) of study", self.preset.read_text())
            if self.preset.is_file()
            else None
        )
        return int(found[1]) if found else None

    @property
    def own(self) -> Path:
        """Folder of what the workers say to each other."""
        return self.folder / ".study"

    @property
    def study_id(self) -> Path:
        """File of the id of the study whose folder this is."""
        return self.own / "study"

    def id(self) -> str | None:
        """Return the id of the study whose folder this is, if it is one's."""
        return self.study_id.read_text().strip() if self.study_id.is_file() else None

    @property
    def ask_lock(self) -> Path:
        """Held while a worker counts the budget and takes a trial."""
        return self.own / "ask.lock"

    @property
    def record_lock(self) -> Path:
        """Held while the tables of the sweep are written."""
        return self.own / "record.lock"

    @property
    def workers(self) -> Path:
        """Folder of one heartbeat file per worker."""
        return self.own / "workers"

    @property
    def sessions(self) -> Path:
        """Folder of one file per start of the sweep: how long it has run."""
        return self.own / "sessions"

    def trial(self, number: int) -> Path:
        """Folder of a trial."""
        return self.folder / str(number)

    def outcome(self, number: int) -> Path:
        """File in which a trial says how it ended."""
        return self.trial(number) / "outcome.json"

    def make(self) -> None:
        """Make the folders."""
        for folder in (self.folder, self.own, self.workers, self.sessions):
            folder.mkdir(parents=True, exist_ok=True)
