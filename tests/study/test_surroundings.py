"""What a trial changes for its whole process is put back for the next one."""

import os
import random
import signal
import subprocess
import sys
import warnings

import numpy as np
import numpy.random  # which numpy loads when it is used
import pytest
import torch

from hydra_plugins.study.search.surroundings import Surroundings


def draws() -> list[float]:
    """Return a number of each generator."""
    return [random.random(), float(np.random.random()), float(torch.rand(()))]


def test_random_states_begin_again() -> None:
    surroundings = Surroundings()
    first = draws()
    assert draws() != first
    surroundings.restore()
    assert draws() == first


def test_torchs_settings_are_those_of_the_beginning() -> None:
    before = (torch.get_default_dtype(), torch.get_num_threads(), torch.get_deterministic_debug_mode(), torch.is_grad_enabled())
    surroundings = Surroundings()
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(before[1] + 1)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.set_float32_matmul_precision("medium")
    torch.backends.cudnn.benchmark = True
    torch.set_grad_enabled(False)
    surroundings.restore()
    after = (torch.get_default_dtype(), torch.get_num_threads(), torch.get_deterministic_debug_mode(), torch.is_grad_enabled())
    assert after == before
    assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.benchmark) == ("highest", False)


def test_variables_warnings_and_signals_are_those_of_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHANGED", "before")
    monkeypatch.setenv("REMOVED", "before")
    handler, filters = signal.getsignal(signal.SIGUSR2), list(warnings.filters)
    surroundings = Surroundings()
    os.environ["CHANGED"] = os.environ["ADDED"] = "by a trial"
    del os.environ["REMOVED"]
    warnings.filterwarnings("ignore", "anything")
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    surroundings.restore()
    surroundings.restore_signals()
    assert (os.environ["CHANGED"], os.environ["REMOVED"], "ADDED" in os.environ) == ("before", "before", False)
    assert list(warnings.filters) == filters
    assert signal.getsignal(signal.SIGUSR2) is handler


def test_what_lasts_cannot_be_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    surroundings = Surroundings()
    assert surroundings.can_be_restored()
    monkeypatch.setenv("MASTER_PORT", "29500")
    assert not surroundings.can_be_restored(), "it has started ranks"
    monkeypatch.undo()
    assert surroundings.can_be_restored()


COMPILES = """
import torch
from hydra_plugins.study.search.surroundings import Surroundings
surroundings = Surroundings()
print(surroundings.can_be_restored())
torch.compile(torch.nn.Linear(1, 1), backend="eager")(torch.zeros(1, 1))
print(surroundings.can_be_restored())
"""


def test_compiled_code_lasts() -> None:
    done = subprocess.run([sys.executable, "-c", COMPILES], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
