"""Why a worker ended."""

from dataclasses import dataclass


@dataclass
class WorkerResult:
    """What a worker returns through the launcher.

    Attributes:
        reason: Why it ended, for people.
        signal: The signal that ended it, if it was one.
        is_mistake: Whether it could not begin: the reason is then a message for the user.
    """

    reason: str
    signal: int | None = None
    is_mistake: bool = False
