"""Kinds of outcome of a trial, and the mapping from exceptions to them."""

import errno

KINDS = (
    "complete",
    "pruned",
    "paused",
    "infeasible",
    "duplicate",
    "out_of_memory",
    "timed_out",
    "diverged",
    "killed",
    "error",
)

# Messages of torch's allocators where they raise a plain `RuntimeError`.
OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that memory, of the machine or of a GPU, is used up."""
    # torch may not be loaded, so its error is recognised by name
    if isinstance(error, MemoryError) or any(
        base.__name__ == "OutOfMemoryError" for base in type(error).__mro__
    ):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in OUT_OF_MEMORY)


def is_disk_full(error: BaseException) -> bool:
    """Return whether an error means that a disk, or the user's quota of it, is full."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def kind_of_error(error: BaseException) -> str | None:
    """Return the kind of outcome of an exception: its attribute `kind`, else by its type; None for
    an ordinary error.
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
    """Return the first exception in a chain of causes that has a kind, or None.

    `hydra.utils.instantiate` wraps the exceptions of what it calls.
    """
    cause: BaseException | None = error
    while cause is not None and kind_of_error(cause) is None:
        cause = cause.__cause__
    return cause
