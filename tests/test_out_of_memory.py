"""Memory that is used up is told from other errors, whichever allocator says it."""

import pytest
import torch

from convsweep.errors import UserError
from convsweep.out_of_memory import is_out_of_memory
from convsweep.tracking import outcome_of


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)"),
    ],
    ids=["cuda", "python", "cpu", "mps"],
)
def test_used_up(error: Exception) -> None:
    assert is_out_of_memory(error)
    assert outcome_of(error) == "out_of_memory"


@pytest.mark.parametrize("error", [RuntimeError("mat1 and mat2 shapes cannot be multiplied"), UserError("not enough memory")])
def test_anything_else(error: Exception) -> None:
    assert not is_out_of_memory(error)
    assert outcome_of(error) == "error"
