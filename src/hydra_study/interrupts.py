"""SIGINT and SIGTERM as requests: the first closes the running trials, the next kills them."""

import signal
import threading
from types import FrameType
from typing import Any


class Interrupts:
    """Context manager that counts SIGINT and SIGTERM; outside of the main thread it counts nothing.

    Args:
        most: Number of signals to count; the next one raises `KeyboardInterrupt`. None counts all.

    Attributes:
        count: Signals received so far.
        signal: The last one.
    """

    def __init__(self, most: int | None = None) -> None:
        self.count = 0
        self._most = most
        self.signal: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Interrupts":
        self.install()
        return self

    def install(self) -> None:
        """Install the handlers, again if a library has replaced them since."""
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
