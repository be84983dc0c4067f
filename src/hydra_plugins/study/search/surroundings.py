"""What a trial may change for its whole process, put back for the next trial that the process takes.

Hydra's own launcher runs all jobs in one process and leaves these to the task. Here a trial finds them as in a fresh process.
"""

import contextlib
import ctypes
import gc
import os
import random
import signal
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any, TypeAlias

Read: TypeAlias = Callable[[], Any]
Write: TypeAlias = Callable[[Any], Any]
_OF_RANKS = ("MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE")
"""Variables that a training sets for the processes that it starts."""
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2)
_RESET_PEAK = "5"
"""What the kernel takes for it in `clear_refs`: see proc(5)."""


class Surroundings:
    """Random states, signals, variables, warnings and torch's settings of this process, as they are now."""

    def __init__(self) -> None:
        self._since = time.monotonic()
        self._has_settled = False
        self._environment = dict(os.environ)
        self._warnings = list(warnings.filters)
        self._signals = {signum: signal.getsignal(signum) for signum in _SIGNALS}
        self._compiles = _has_compiled()
        self._random = [(write, read()) for read, write in _random_states()]
        self._settings = [(read, write, read()) for read, write in _settings()]

    def age(self) -> float:
        """Return the seconds that they have lasted."""
        return time.monotonic() - self._since

    def can_be_restored(self) -> bool:
        """Whether a trial has left nothing that lasts: no processes of its own, no compiled code."""
        multiprocessing = sys.modules.get("multiprocessing")
        children = multiprocessing.active_children() if multiprocessing is not None else []
        ranks = any(os.environ.get(name) != self._environment.get(name) for name in _OF_RANKS)
        return not children and not ranks and _has_compiled() == self._compiles

    def restore_signals(self) -> None:
        """Put back what is done on a signal."""
        for signum, handler in self._signals.items():
            signal.signal(signum, handler)

    def restore(self) -> None:
        """Put back everything else, and give back the memory that the trial held."""
        for name in os.environ.keys() - self._environment.keys():
            del os.environ[name]
        os.environ.update(self._environment)
        warnings.filters[:] = self._warnings  # type: ignore[index]
        warnings._filters_mutated()  # type: ignore[attr-defined]
        for write, state in self._random:
            write(state)
        for read, write, value in self._settings:
            if read() != value:
                write(value)
        gc.collect()
        if not self._has_settled:  # modules and caches that the first trial has left stay; they are not looked through again
            gc.freeze()
            self._has_settled = True
        cuda = getattr(sys.modules.get("torch"), "cuda", None)
        if cuda is not None and cuda.is_initialized():
            cuda.empty_cache()
            cuda.reset_peak_memory_stats()
        with contextlib.suppress(AttributeError):  # of glibc
            ctypes.CDLL(None).malloc_trim(0)
        with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as file:
            file.write(_RESET_PEAK)


def _has_compiled() -> bool:
    return "torch._dynamo.convert_frame" in sys.modules


def _random_states() -> list[tuple[Read, Write]]:
    """Return how to read and to write the state of each generator that is loaded."""
    states: list[tuple[Read, Write]] = [(random.getstate, random.setstate)]
    numpy, torch = sys.modules.get("numpy.random"), sys.modules.get("torch")
    states += [(numpy.get_state, numpy.set_state)] if numpy is not None else []
    return [*states, *([(torch.get_rng_state, torch.set_rng_state)] if torch is not None else [])]


def _settings() -> list[tuple[Read, Write]]:
    """Return how to read and to write what torch computes with, if it is loaded."""
    torch = sys.modules.get("torch")
    if torch is None:
        return []
    return [
        (torch.get_default_dtype, torch.set_default_dtype),
        (torch.get_num_threads, torch.set_num_threads),
        (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
        (torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode),
        (torch.is_grad_enabled, torch.set_grad_enabled),
        *(_attribute(torch.backends.cudnn, name) for name in ("benchmark", "deterministic")),
    ]


def _attribute(owner: Any, name: str) -> tuple[Read, Write]:
    return lambda: getattr(owner, name), lambda value: setattr(owner, name, value)
