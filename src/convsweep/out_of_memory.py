"""Whether an error says that memory is used up, on any device."""

WORDS = ("out of memory", "can't allocate memory", "not enough memory")
"""How torch's allocators say it where they raise nothing but a `RuntimeError`."""


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory is used up; torch, which may not be loaded, is known by its error's name."""
    if isinstance(error, MemoryError) or any(base.__name__ == "OutOfMemoryError" for base in type(error).__mro__):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error) for word in WORDS)
