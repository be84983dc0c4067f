"""Files that cannot be read: an error, or left out and counted."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from convsweep.cli.console import say
from convsweep.data.checks import examples
from convsweep.data.samples import Parts, Samples
from convsweep.distributed.ranks import is_first
from convsweep.errors import UserError

OnUnreadable = Literal["error", "skip"]
# Added to the remedy of a file that cannot be read.
SKIP = "or leave such files out by data.on_unreadable=skip"


@dataclass
class Unreadable:
    """The files of a data set that cannot be read.

    Args:
        action: "error", or "skip": their samples are left out, and a line says how many.
        names: of the samples that are left out.
    """

    action: OnUnreadable = "error"
    names: set[str] = field(default_factory=set)

    @property
    def skips(self) -> bool:
        """Whether such files are left out."""
        return self.action == "skip"

    def leave_out(self, parts: Parts) -> Parts:
        """Return parts without the samples that cannot be read.

        Raises:
            UserError: nothing is left to train on.
        """
        if not self.names:
            return parts
        train, val, test = (None if part is None else self._others(part) for part in parts)
        if train is None:
            raise UserError(
                "some training files must be readable, but none is:"
                f" {examples(sorted(self.names))}; correct data.root, or replace them"
            )
        return train, val, test

    def tell(self) -> None:
        """Print how many files are left out, if some are."""
        if self.names and is_first():
            say(f"{self.text}; left out (data.on_unreadable=skip)")

    @property
    def text(self) -> str:
        """How many files cannot be read, and the first few names."""
        files = "1 file" if len(self.names) == 1 else f"{len(self.names):,} files"
        return f"{files} cannot be read: {examples(sorted(self.names))}"

    def _others(self, part: Samples) -> Samples | None:
        kept = [i for i, name in enumerate(part.names) if name not in self.names]
        if len(kept) == len(part):
            return part
        return part.select(np.array(kept, np.int64)) if kept else None
