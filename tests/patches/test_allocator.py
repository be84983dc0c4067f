"""Memory freed by a step is reused by the next."""

import ctypes
import platform
import subprocess
import sys

import pytest

from tests.conftest import Train

STEPS = """
import resource, sys
import numpy as np
from convsweep.training.threads import keep_freed_memory

def step():
    parts = [np.ones(20 * 2**20, np.uint8) for _ in range(10)]

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

if "keep" in sys.argv:
    keep_freed_memory()
step()
before = faults()
for _ in range(5):
    step()
print((faults() - before) // 5)
"""


def pages_a_step(*arguments: str) -> int:
    """Return how many pages the system hands out in a step that frees all that it asks for."""
    return int(
        subprocess.check_output([sys.executable, "-c", STEPS, *arguments], env={}, text=True)
    )


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is glibc that hands memory back")
def test_a_step_gets_the_memory_of_the_one_before() -> None:
    assert hasattr(ctypes.CDLL(None), "mallopt")
    handed_back, kept = pages_a_step(), pages_a_step("keep")
    assert kept < 100 < handed_back


@pytest.mark.parametrize(("word", "asked"), [("keep", 1), ("release", 0)])
def test_a_config_says_whether_it_is_kept(
    train: Train, monkeypatch: pytest.MonkeyPatch, word: str, asked: int
) -> None:
    calls: list[None] = []
    monkeypatch.setattr("convsweep.training.run.keep_freed_memory", lambda: calls.append(None))
    train(f"freed_memory={word}", "+trainer.limit_train_batches=1")
    assert len(calls) == asked
