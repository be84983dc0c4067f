"""The sweeper's own error: Hydra prints its one message without a traceback."""

from hydra.errors import CompactHydraException


class StudyError(CompactHydraException, ValueError):
    """A mistake in the sweep's options, or a reason why the sweep had to stop; `str(error)` is the whole message."""
