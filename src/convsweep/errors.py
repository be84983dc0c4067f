"""Errors of the user: one message with the rule, the value and the remedy."""

import difflib
import errno
from collections.abc import Iterable


class UserError(ValueError):
    """A mistake of the user. `str(error)` is the whole message; it is shown without a traceback."""

    kind = "error"


class InfeasibleError(UserError):
    """A network that cannot be built on its input, or that breaks a budget.

    Args:
        message: The rule, the value and the remedy.
        excess: How far the network is beyond its limit, relative to the limit (0.5: by a half), if
            that is known. A search tells it to its sampler.
    """

    kind = "infeasible"

    def __init__(self, message: str, excess: float | None = None) -> None:
        super().__init__(message)
        self.excess = excess


class DivergedError(UserError):
    """A training whose loss is no longer finite."""

    kind = "diverged"


class MissingExtraError(UserError, ImportError):
    """An optional package that a config needs is not installed."""

    def __init__(self, package: str, extra: str, needed_by: str) -> None:
        super().__init__(
            f"{needed_by} needs the package `{package}`, which is not installed; run: pip install"
            f" 'convsweep[{extra}]'"
        )


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `did you mean ...?` for the known word nearest to `word`, or all known words if none
    is near.
    """
    options = sorted(str(option) for option in known)
    near = difflib.get_close_matches(str(word), options, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"use one of: {', '.join(options)}"


def closed_place(error: BaseException | None) -> str | None:
    """Return a remedy for missing permissions, a read-only file system or a full disk; None for any
    other error.
    """
    if not isinstance(error, OSError) or error.errno not in (
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.ENOSPC,
    ):
        return None
    return (
        f"{error.filename or 'a file'} must be open to this command ({error.strerror}); mend that,"
        " or name another place"
    )


# Hydra: a value holds characters that its grammar accepts only in quotes.
NO_TOKEN = "LexerNoViableAlt"

# Hydra: precedes the list of searched places in an error about a missing config.
SEARCH_PATH = "Config search path"

# torch: an operation has no values on the meta device.
META_DEVICE = r"\bmeta\b"

# torch.distributed, any backend: another process has ended.
LOST_CONNECTION = "onnection"
