"""Small networks get one thread, large ones all, and what the user says counts."""

import os
from collections.abc import Iterator

import pytest
import torch

from convsweep.errors import UserError
from convsweep.training.imports import SPINS, shorten_waits
from convsweep.training.threads import MACS_A_THREAD, set_threads


@pytest.fixture(autouse=True)
def four_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("macs", "threads"), [(1, 1), (MACS_A_THREAD // 32 * 2, 2), (MACS_A_THREAD, 4), (None, 4)]
)
def test_auto_follows_the_work_of_a_batch(macs: int | None, threads: int) -> None:
    assert set_threads("auto", macs, batch_size=32) == threads


def test_auto_leaves_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert set_threads("auto", 1, batch_size=1) == 4


def test_a_number_counts_and_anything_else_is_refused() -> None:
    assert set_threads(3, 1, batch_size=1) == 3
    with pytest.raises(
        UserError, match="num_threads must be auto or a whole number >= 1, but is 'many'"
    ):
        set_threads("many", 1, batch_size=1)


@pytest.mark.parametrize(
    ("given", "spins"),
    [({}, SPINS), ({"GOMP_SPINCOUNT": "5"}, "5"), ({"OMP_WAIT_POLICY": "ACTIVE"}, None)],
)
def test_threads_spin_briefly_unless_the_environment_says_how_they_wait(
    given: dict[str, str], spins: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", dict(given))
    shorten_waits()
    assert os.environ.get("GOMP_SPINCOUNT") == spins
