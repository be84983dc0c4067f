"""How a worker waits for a lock or for the study's storage: other work goes on meanwhile, and it
does not wait for ever.
"""

import logging
import sys
import time
from collections.abc import Callable
from typing import TypeVar

from hydra_study.errors import StudyError

log = logging.getLogger(__name__)

T = TypeVar("T")

_STEP_S = 0.1
_FIRST_DELAY_S = 0.1
_LONGEST_DELAY_S = 5.0
# SQLAlchemy's errors of a database that is away, restarts, or has no connection left.
_PASSING = ("OperationalError", "InterfaceError", "TimeoutError", "PendingRollbackError")


class WaitedInVainError(StudyError):
    """Waiting has ended in vain: the storage was away for too long, or the user asked to stop."""


class Patience:
    """How long to wait for the storage, and what to do meanwhile.

    Attributes:
        timeout_s: A storage that does not answer is asked again for so long; 0: it is asked once.
        limit: What sets that time, for messages.
        meanwhile: Is called every tenth of a second while one waits, with the seconds that have
            passed. It must not use the storage, and raises `WaitedInVainError` to end the waiting.
    """

    def __init__(
        self, timeout_s: float = 0.0, limit: str = "hydra.sweeper.storage_timeout"
    ) -> None:
        self.timeout_s = timeout_s
        self.limit = limit
        self._end: WaitedInVainError | None = None
        self.meanwhile: Callable[[float], None] = lambda waited_s: None

    def pause(self, since: float, seconds: float) -> None:
        """Sleep as a part of a wait that began at the time `since` of the steady clock."""
        end = time.monotonic() + seconds
        while True:
            now = time.monotonic()
            self.meanwhile(now - since)
            if now >= end:
                return
            time.sleep(min(end - now, _STEP_S))

    def call(self, function: Callable[[], T], again: Callable[[], T] | None = None) -> T:
        """Return what the function returns, called again until the storage answers.

        Args:
            function: What is called first.
            again: What is called after a failure, where the first call may have taken effect though
                its answer was lost.

        Raises:
            WaitedInVainError: The storage has not answered for `timeout_s`.
        """
        try:
            return function()
        except Exception as error:
            if not is_passing(error):
                raise
            if self._end is not None:  # what is written at the end must not wait again
                raise self._end from None
            if self.timeout_s <= 0:
                raise
            log.warning(
                "the study's storage does not answer, trying again for %g s (%s): %s",
                self.timeout_s,
                self.limit,
                _first_line(error),
            )
        return self._call_again(again or function)

    def _call_again(self, function: Callable[[], T]) -> T:
        since, delay = time.monotonic(), _FIRST_DELAY_S
        while True:
            try:
                self.pause(since, delay)
                result = function()
            except WaitedInVainError as error:
                self._end = error
                raise
            except Exception as error:
                if not is_passing(error):
                    raise
                if time.monotonic() - since > self.timeout_s:
                    rule = (
                        f"the study's storage must answer within {self.timeout_s:g} s"
                        f" ({self.limit})"
                    )
                    remedy = (
                        "bring it back, then start the same command again: it goes on from here"
                    )
                    self._end = WaitedInVainError(
                        f"{rule}, but it did not: {_first_line(error)}; {remedy}"
                    )
                    raise self._end from None
                delay = min(2 * delay, _LONGEST_DELAY_S)
            else:
                log.warning(
                    "the study's storage answers again, after %.0f s", time.monotonic() - since
                )
                return result


def is_passing(error: BaseException) -> bool:
    """Return whether an error may be over in a moment: of a file, a connection, a database that
    restarts.
    """
    if isinstance(error, OSError):
        # which says that another process holds a lock
        return not isinstance(error, BlockingIOError)
    exceptions = sys.modules.get("sqlalchemy.exc")
    kinds = tuple(getattr(exceptions, name) for name in _PASSING if hasattr(exceptions, name))
    return any(isinstance(cause, kinds) for cause in (error, error.__cause__))


def _first_line(error: BaseException) -> str:
    """Return the first line of what an error says, or of its cause, which Optuna hides."""
    text = str(error if error.__cause__ is None else error.__cause__).strip()
    return text.splitlines()[0] if text else type(error).__name__
