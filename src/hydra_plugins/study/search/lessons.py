"""What a trial imported that its template had not: the template imports it too, for the trials after it.

A trial imports what its config names and what its libraries put off until they are used. Which modules these are is best known
by a trial that has run.
"""

import contextlib
import importlib
import importlib.util
import os
import sys
from itertools import islice

_MOST = 60_000
"""Bytes that a pipe takes without a reader."""


class Lesson:
    """A pipe from a trial to its template, made before the fork."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        self._known = len(sys.modules)

    def begin(self) -> None:
        """Take, in the trial, the trial's end."""
        os.close(self._read)

    def tell(self) -> None:
        """Tell, at the end of the trial, what was imported since; to look at the other names would copy the pages they are on."""
        latest = islice(reversed(sys.modules), max(0, len(sys.modules) - self._known))
        names = [f"{name}\n" for name in reversed([*latest])]
        with contextlib.suppress(OSError):
            os.write(self._write, "".join(names).encode()[:_MOST].rpartition(b"\n")[0])

    def forked(self) -> None:
        """Leave, in the template, the trial's end to the trial."""
        os.close(self._write)

    def learn(self) -> bool:
        """Import, in the template, what a trial that has ended told of; return whether there was any of it."""
        with os.fdopen(self._read, "rb") as told:
            names = told.read().decode().splitlines()
        missing = [name for name in names if name not in sys.modules]
        for name in missing:
            with contextlib.suppress(Exception):  # what only a trial can import, it imports itself
                if importlib.util.find_spec(name) is not None:
                    importlib.import_module(name)
        return bool(missing)
