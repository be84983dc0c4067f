"""Ctrl-C is answered in every phase of a sweep."""

import contextlib
import fcntl
import os
import signal
import time
from pathlib import Path

import pytest
from optuna.trial import TrialState

from hydra_study.interrupts import Interrupts

from .conftest import PATIENCE_S, MakeToy, wait_for
from .postgresql import Server, trials_in
from .stepping import hold_trials, is_open, make, steps_of

pytestmark = pytest.mark.long


def test_an_interrupt_that_got_lost_as_an_exception_is_noticed_later() -> None:
    with Interrupts(most=0):
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with Interrupts() as later:
            assert (later.count, later.signal) == (1, signal.SIGINT)


@pytest.mark.parametrize("phase", ["before the loop", "while it runs", "while trials run"])
def test_ctrl_c_works_while_a_lock_is_waited_for(toy: MakeToy, phase: str) -> None:
    steps = 400 if phase == "while trials run" else 2
    app = make(toy, 200, steps=steps)
    asks, writes = app.sweep / ".study" / "ask.lock", app.sweep / "study.journal.flock"
    lock = writes if phase == "while trials run" else asks
    asks.parent.mkdir(parents=True)
    if phase == "before the loop":
        held = hold(lock)
        process = app.start()
        wait_for(lambda: is_open(lock, process))
    else:
        process = app.start()
        wait_for(lambda: steps_of(app) > 8)
        held = hold(lock)
        before = steps_of(app)
        if phase == "while trials run":
            wait_for(lambda: steps_of(app) > before + 20)
        else:
            time.sleep(1)  # so that its trials end, and it waits
    process.send_signal(signal.SIGINT)
    try:
        # one that is deaf does not end while it waits
        output, _ = process.communicate(timeout=PATIENCE_S)
    finally:
        os.close(held)
    assert process.returncode == 130, output
    assert "Traceback" not in output
    assert "the same command continues" in output


def hold(lock: Path) -> int:
    """Take a lock as another process does."""
    held = os.open(lock, os.O_CREAT | os.O_RDWR)
    fcntl.flock(held, fcntl.LOCK_EX)
    return held


@pytest.mark.parametrize("after", ["the template", "the storage"])
def test_ctrl_c_before_the_first_trial_gives_no_traceback(toy: MakeToy, after: str) -> None:
    app = make(toy, 4)
    (app.folder / "slow.py").write_text("import time\nopen('imported', 'w')\ntime.sleep(600)\n")
    process = app.start(
        "hydra.sweeper.preload=[slow]" if after == "the template" else "hydra.sweeper.n_trials=400"
    )
    mark = app.folder / "imported" if after == "the template" else app.sweep / "study.journal"
    wait_for(mark.exists)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, output
    assert "Traceback" not in output


SLOW_SAMPLER = """
import time
from pathlib import Path
from optuna.samplers import RandomSampler

class Slow(RandomSampler):
    def infer_relative_search_space(self, study, trial):
        if trial.number == 1:
            Path("computing").touch()
            end = time.monotonic() + 600
            while time.monotonic() < end:
                sum(range(1000))
        return {}
"""


def test_ctrl_c_works_while_the_sampler_computes(toy: MakeToy) -> None:
    app = toy(
        "while not Path('go').exists(): time.sleep(0.05)\nreturn cfg.x",
        sweeper="n_trials: 3\nslots: 2\nparams: {x: 'interval(0,1)'}\ngrace: 600",
    )
    (app.folder / "slow.py").write_text(SLOW_SAMPLER)
    process = app.start("hydra.sweeper.sampler._target_=slow.Slow", "hydra/sweeper/sampler=random")
    wait_for((app.folder / "computing").exists)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, output
    assert "Traceback" not in output
    assert "interrupted: the running trials close" in output
    assert app.kinds() == ["killed", "killed", "waiting", "waiting"]
    (app.folder / "go").touch()
    app.run("hydra/sweeper/sampler=random")
    assert app.kinds() == ["killed", "killed", "complete", "complete", "complete"]


def test_ctrl_c_works_while_the_storage_is_down(toy: MakeToy, database: Server) -> None:
    app = make(toy, 40, steps=40, more=f"storage: {database.url}\n")
    held = hold_trials(app, 5)
    process = app.start()
    wait_for(lambda: steps_of(app) == 2 * 5)
    database.stop()
    held.unlink()
    wait_for(lambda: steps_of(app) > 10 + 10)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=PATIENCE_S)
    database.start()
    assert process.returncode == 130, output
    assert "Traceback" not in output
    app.run("hydra.sweeper.n_trials=3")
    assert not any(trial.state == TrialState.RUNNING for trial in trials_in(database.url))
