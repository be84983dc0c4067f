"""Sweeps, runs and a real browser for the tests of reports."""

from collections.abc import Callable, Iterator
from pathlib import Path

import optuna
import pytest

from convsweep.review.report.source import load_sweep
from convsweep.review.study import Sweep
from tests.review.report.chromium import Chromium, find
from tests.review.report.studies import make_sweep

MakeSweep = Callable[..., Sweep]


@pytest.fixture(autouse=True)
def quiet_optuna() -> None:
    """Keep what Optuna says of every new study out of the tests."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)


@pytest.fixture
def made(tmp_path: Path) -> MakeSweep:
    """Return a function that makes a sweep with trials of given kinds, and reads it."""

    def make(kinds: list[str], objectives: int = 1, name: str = "made") -> Sweep:
        return load_sweep(str(make_sweep(tmp_path / name, kinds, objectives, name)), None)

    return make


@pytest.fixture(scope="session")
def browser() -> Iterator[Chromium]:
    """A browser, if this machine has one."""
    program = find()
    if program is None:
        pytest.skip(
            "a report is looked at in chromium, which is not installed (apt-get install chromium)"
        )
    with Chromium(program) as one:
        yield one
