"""SIGINT and SIGTERM as requests: the first closes the running trials, the next kills them."""

import signal
import threading
from types import FrameType
from typing import Any


class Interrupts:
    """Counts the requests to stop while it is entered; in another thread than the main one there
    are none.

    Args:
        most: So many are counted; the next one raises `KeyboardInterrupt`. None counts all.
    """

    def __init__(self, most: int | None = None) -> None:
        self.count = 0
        self._most = most
        self.signal: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Interrupts":
        self.take()
        return self

    def take(self) -> None:
        """Take the signals, also back from a library that has taken them since."""
        if threading.current_thread() is threading.main_thread():
            for signum in (signal.SIGINT, signal.SIGTERM):
                before = signal.signal(signum, self._note)
                self._before.setdefault(signum, before)

    def __exit__(self, *error: object) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)

    def _note(self, signum: int, frame: FrameType | None) -> None:
        self.count += 1
        self.signal = signum
        if self._most is not None and self.count > self._most:
            raise KeyboardInterrupt
