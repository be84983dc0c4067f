"""Wait for a lock or for the study's storage, with a time limit and other work meanwhile."""

import logging
import sys
import time
from collections.abc import Callable
from typing import TypeVar

from hydra_study.errors import StudyError
from hydra_study.interrupts import Overdue

log = logging.getLogger(__name__)

T = TypeVar("T")

_STEP_S = 0.1
_FIRST_DELAY_S = 0.1
_LONGEST_DELAY_S = 5.0
# SQLAlchemy's errors for a database that is down, restarts, or has no connection left.
_TRANSIENT = ("OperationalError", "InterfaceError", "TimeoutError", "PendingRollbackError")


class GaveUpWaitingError(StudyError):
    """The storage did not answer in time, or a signal ended the wait."""


class Patience:
    """How long to wait for the storage, and what to do meanwhile.

    Attributes:
        timeout_s: How long to retry a call to a storage that does not answer; 0: no retries.
        limit: The option that sets `timeout_s`, for messages.
        meanwhile: Called every tenth of a second during a wait, with the seconds waited so far. It
            must not use the storage, and may raise `GaveUpWaitingError` to end the wait.
    """

    def __init__(
        self, timeout_s: float = 0.0, limit: str = "hydra.sweeper.storage_timeout"
    ) -> None:
        self.timeout_s = timeout_s
        self.limit = limit
        self._end: GaveUpWaitingError | None = None
        self.meanwhile: Callable[[float], None] = lambda waited_s: None

    def pause(self, since: float, seconds: float) -> None:
        """Sleep, calling `meanwhile`, in a wait that began at the monotonic time `since`."""
        end = time.monotonic() + seconds
        while True:
            now = time.monotonic()
            self.meanwhile(now - since)
            if now >= end:
                return
            time.sleep(min(end - now, _STEP_S))

    def call(self, function: Callable[[], T], again: Callable[[], T] | None = None) -> T:
        """Return the function's result; call it again if the storage does not answer.

        Args:
            function: The first call.
            again: Retry of a call that may have taken effect although its answer was lost; by
                default `function`.

        Raises:
            GaveUpWaitingError: The storage has not answered for `timeout_s`, or not in time after
                a signal.
        """
        if self._end is not None:  # it was waited for once; calls after that must not wait
            raise self._end
        try:
            return self._call_once(function)
        except Exception as error:
            if not is_transient(error):
                raise
            if self.timeout_s <= 0:
                raise
            log.warning(
                "the study's storage does not answer, retrying for %g s (%s): %s",
                self.timeout_s,
                self.limit,
                _first_line(error),
            )
        return self._call_again(again or function)

    def _call_once(self, function: Callable[[], T]) -> T:
        try:
            return function()
        except Overdue:
            self._end = GaveUpWaitingError("the study's storage does not answer")
            raise self._end from None

    def _call_again(self, function: Callable[[], T]) -> T:
        since, delay = time.monotonic(), _FIRST_DELAY_S
        while True:
            try:
                self.pause(since, delay)
                result = self._call_once(function)
            except GaveUpWaitingError as error:
                self._end = error
                raise
            except Exception as error:
                if not is_transient(error):
                    raise
                if time.monotonic() - since > self.timeout_s:
                    rule = (
                        f"the study's storage must answer within {self.timeout_s:g} s"
                        f" ({self.limit})"
                    )
                    remedy = "bring it back, then run the same command: it continues from here"
                    self._end = GaveUpWaitingError(
                        f"{rule}, but it did not: {_first_line(error)}; {remedy}"
                    )
                    raise self._end from None
                delay = min(2 * delay, _LONGEST_DELAY_S)
            else:
                log.warning(
                    "the study's storage answers again, after %.0f s", time.monotonic() - since
                )
                return result


def is_transient(error: BaseException) -> bool:
    """Return whether an error may be transient: of a file, a connection, a restarting database."""
    if isinstance(error, OSError):
        # BlockingIOError: another process holds a lock
        return not isinstance(error, BlockingIOError)
    exceptions = sys.modules.get("sqlalchemy.exc")
    kinds = tuple(getattr(exceptions, name) for name in _TRANSIENT if hasattr(exceptions, name))
    return any(isinstance(cause, kinds) for cause in (error, error.__cause__))


def _first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or of its cause, which Optuna wraps."""
    text = str(error if error.__cause__ is None else error.__cause__).strip()
    return text.splitlines()[0] if text else type(error).__name__
