"""The ways a trial can end, in a word each, and which of them an exception stands for."""

import errno

KINDS = (
    "complete",
    "pruned",
    "infeasible",
    "duplicate",
    "out_of_memory",
    "timed_out",
    "diverged",
    "killed",
    "error",
)

# How torch's allocators say it where they raise nothing but a `RuntimeError`.
OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory is used up; torch, which may not be loaded, is known
    by its error's name.
    """
    if isinstance(error, MemoryError) or any(
        base.__name__ == "OutOfMemoryError" for base in type(error).__mro__
    ):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in OUT_OF_MEMORY)


def is_disk_full(error: BaseException) -> bool:
    """Return whether an error says that a disk, or the user's share of it, is full, which is no
    mistake of the program.
    """
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def kind_of_error(error: BaseException) -> str | None:
    """Return the kind that an exception stands for by itself, which it may say by an attribute
    `kind`; None for any error.
    """
    kind = getattr(error, "kind", None)
    if kind in KINDS:
        return str(kind)
    if is_out_of_memory(error):
        return "out_of_memory"
    if isinstance(error, FloatingPointError):
        return "diverged"
    return "killed" if isinstance(error, KeyboardInterrupt) or is_disk_full(error) else None


def telling_cause(error: BaseException) -> BaseException | None:
    """Return the first that stands for a kind of an exception and what it was raised from:
    `instantiate` wraps what it meets.
    """
    cause: BaseException | None = error
    while cause is not None and kind_of_error(cause) is None:
        cause = cause.__cause__
    return cause
