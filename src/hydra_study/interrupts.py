"""SIGINT and SIGTERM as requests: the first closes the running trials, the next kills them."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Overdue(BaseException):
    """Raised by a timer in the main thread, wherever it is, if it has taken too long.

    Not a `KeyboardInterrupt`, at which psycopg asks the server to cancel and waits for its answer.
    """


class Interrupts:
    """Context manager that counts SIGINT and SIGTERM; outside of the main thread it counts nothing.

    Where one is entered within another, it begins with the count of the outer one: a
    `KeyboardInterrupt` that is raised in a callback of the interpreter gets lost.

    Args:
        most: Number of signals to count; the next one raises `KeyboardInterrupt`. None counts all.
        notice_within_s: Time after a signal within which `notice` must be called, otherwise
            `Overdue` is raised; None is no limit.

    Attributes:
        count: Signals received so far.
        signal: The last one.
    """

    def __init__(self, most: int | None = None, notice_within_s: float | None = None) -> None:
        self.count = 0
        self._most = most
        self._notice_within_s = notice_within_s
        self.signal: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Interrupts":
        self.install()
        return self

    def install(self) -> None:
        """Install the handlers, again if a library has replaced them since."""
        if threading.current_thread() is threading.main_thread():
            if self._notice_within_s is not None:
                self._before.setdefault(signal.SIGALRM, signal.signal(signal.SIGALRM, _be_overdue))
            for signum in (signal.SIGINT, signal.SIGTERM):
                before = signal.signal(signum, self._note)
                self._before.setdefault(signum, before)
                outer = getattr(before, "__self__", None)
                if isinstance(outer, Interrupts) and outer.count > self.count:
                    self.count, self.signal = outer.count, outer.signal

    def __exit__(self, *error: object) -> None:
        self.notice()
        for signum, handler in self._before.items():
            signal.signal(signum, handler)

    def notice(self) -> None:
        """Stop the timer: the caller acts on the signals counted so far."""
        if signal.SIGALRM in self._before:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _note(self, signum: int, frame: FrameType | None) -> None:
        self.count += 1
        self.signal = signum
        if self._notice_within_s is not None:
            signal.setitimer(signal.ITIMER_REAL, self._notice_within_s)
        if self._most is not None and self.count > self._most:
            raise KeyboardInterrupt


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `Overdue` in the block if it takes longer; no limit outside of the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, _be_overdue)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _be_overdue(signum: int, frame: FrameType | None) -> None:
    raise Overdue


def closing_text(grace: float) -> str:
    """Return the answer to the first Ctrl-C; trials have `grace` seconds to close."""
    return (
        f"interrupted: the running trials close, which may take {grace:g} s"
        " (hydra.sweeper.grace); Ctrl-C again kills them"
    )
