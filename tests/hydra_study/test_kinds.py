"""Out-of-memory errors of all allocators are recognised; a run and its sweep agree on an error's
kind.
"""

import pytest
import torch

from convsweep.errors import DivergedError, InfeasibleError, UserError
from convsweep.tracking import outcome_of
from hydra_study.kinds import is_out_of_memory
from hydra_study.trial import Pruned, Stopped
from hydra_study.trials.outcomes import outcome_of_exception


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        torch.AcceleratorError("CUDA error: out of memory", 2),
        MemoryError(),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried"
        ),
        RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)"),
    ],
    ids=["cuda", "cuda's own", "python", "cpu", "mps"],
)
def test_errors_of_used_up_memory(error: Exception) -> None:
    assert is_out_of_memory(error)
    assert outcome_of(error) == outcome_of_exception(error).kind == "out_of_memory"


@pytest.mark.parametrize(
    "error",
    [RuntimeError("mat1 and mat2 shapes cannot be multiplied"), UserError("not enough memory")],
)
def test_other_errors(error: Exception) -> None:
    assert not is_out_of_memory(error)
    assert outcome_of(error) == outcome_of_exception(error).kind == "error"


def wrapped(cause: BaseException) -> RuntimeError:
    """Return an error that was raised from another one, as `instantiate` does."""
    error = RuntimeError("Error in call to target")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Pruned(), "pruned"),
        (Stopped("asked to close"), "killed"),
        (KeyboardInterrupt(), "killed"),
        (FloatingPointError(), "diverged"),
        (wrapped(DivergedError("NaN")), "diverged"),
        (wrapped(InfeasibleError("too deep")), "infeasible"),
        (wrapped(MemoryError()), "out_of_memory"),
    ],
)
def test_a_run_and_its_sweep_say_the_same(error: BaseException, kind: str) -> None:
    assert outcome_of(error) == outcome_of_exception(error).kind == kind
