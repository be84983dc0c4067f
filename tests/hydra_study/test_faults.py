"""No fault of a machine, a disk or a database loses a trial, and none is counted twice."""

import contextlib
import json
import os
import resource
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from optuna.trial import TrialState

from .conftest import PATIENCE_S, MakeToy, Toy, wait_for
from .postgresql import Server, trials_in
from .stepping import hold_trials, is_open, make, steps_of
from .test_machines import ANOTHER_MACHINE

pytestmark = pytest.mark.long


def on_machine(
    app: Toy, name: str, monkeypatch: pytest.MonkeyPatch, *arguments: str
) -> "subprocess.Popen[str]":
    """Start a sweep on a machine of that name."""
    (app.folder / "sitecustomize.py").write_text(ANOTHER_MACHINE)
    with monkeypatch.context() as patch:
        for key, value in {
            "TOY_MACHINE": name,
            "TOY_CLOCK": "0",
            "PYTHONPATH": str(app.folder),
        }.items():
            patch.setenv(key, value)
        return app.start("hydra/sweeper/sampler=random", *arguments)


def test_a_paused_worker_that_was_taken_for_dead_drops_its_trials_and_continues(
    toy: MakeToy, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make(toy, 6, more="stale_after: 1\n")
    held = hold_trials(app, 3)
    paused = on_machine(app, "paused", monkeypatch)
    wait_for(lambda: steps_of(app) == 2 * 3)
    pause(paused, app)
    held.unlink()
    other = on_machine(app, "other", monkeypatch)
    wait_for(lambda: app.kinds().count("killed") >= 2)
    os.kill(paused.pid, signal.SIGCONT)
    outputs = [process.communicate(timeout=PATIENCE_S)[0] for process in (paused, other)]
    assert [paused.returncode, other.returncode] == [0, 0], outputs
    assert app.kinds().count("complete") == 6
    assert "another worker has reaped trial" in outputs[0]
    retried = [
        trial.user_attrs["retry_of"] for trial in app.trials() if "retry_of" in trial.user_attrs
    ]
    assert sorted(retried) == sorted(set(retried)), "once each"


def pause(process: "subprocess.Popen[str]", app: Toy) -> None:
    """Stop a worker at a moment at which it holds no lock that others need."""
    locks = [
        app.sweep / "study.journal.flock",
        *(app.sweep / ".study" / name for name in ("ask.lock", "record.lock")),
    ]
    while True:
        os.kill(process.pid, signal.SIGSTOP)
        wait_for(
            lambda: (
                Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
            )
        )
        if not any(is_open(lock, process) for lock in locks):
            return
        os.kill(process.pid, signal.SIGCONT)
        time.sleep(0.01)


@contextlib.contextmanager
def full_disk(process: "subprocess.Popen[str]") -> Iterator[None]:
    """Let a process write no file beyond its first bytes, as on a full disk."""
    before = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (20, before[1]))
    try:
        yield
    finally:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_waited_for_while_trials_train_on(toy: MakeToy) -> None:
    app = make(toy, 4, steps=60)
    held = hold_trials(app, 5)
    process = app.start("hydra/sweeper/sampler=random")
    wait_for(lambda: steps_of(app) == 2 * 5)
    with full_disk(process):
        held.unlink()
        wait_for(lambda: steps_of(app) > 10 + 40)
        journal = (app.sweep / "study.journal").read_bytes()
        wait_for(lambda: steps_of(app) > 10 + 60)
        assert (app.sweep / "study.journal").read_bytes() == journal, "nothing could be written"
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, output
    assert app.kinds() == ["complete"] * 4
    assert all(sorted(trial.intermediate_values) == list(range(1, 61)) for trial in app.trials()), (
        "all reports are there"
    )
    assert "does not answer, retrying for 600 s" in output
    assert "answers again" in output
    assert output.count("the heartbeat could not be written") == 1, output
    assert all(json.loads(line) for line in (app.sweep / "study.journal").read_text().splitlines())
    assert not list(app.sweep.glob(".study/workers/.*")), "no half-written file is left"


def test_a_database_that_is_down_is_waited_for_while_trials_train_on(
    toy: MakeToy, database: Server
) -> None:
    app = make(toy, 4, steps=60, more=f"storage: {database.url}\n")
    first, second = hold_trials(app, 5), hold_trials(app, 15)
    process = app.start("hydra/sweeper/sampler=random")
    wait_for(lambda: steps_of(app) == 2 * 5)
    database.stop()
    first.unlink()
    database.start()
    wait_for(lambda: steps_of(app) == 2 * 15)
    database.stop()
    second.unlink()
    wait_for(lambda: steps_of(app) > 30 + 40)
    database.start()
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, output
    trials = trials_in(database.url)
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    assert len(complete) == 4, output
    assert all(
        trial.user_attrs.get("retried") for trial in trials if trial.state != TrialState.COMPLETE
    )
    assert all(sorted(trial.intermediate_values) == list(range(1, 61)) for trial in complete)
    assert "answers again" in output


def test_a_start_waits_for_a_database_that_is_just_coming_back(
    toy: MakeToy, database: Server
) -> None:
    app = make(toy, 2, steps=2, more=f"storage: {database.url}\n")
    database.stop()
    impatient = app.start("hydra/sweeper/sampler=random")
    said_by(impatient, "does not answer")
    os.killpg(impatient.pid, signal.SIGINT)
    output, _ = impatient.communicate(timeout=PATIENCE_S)
    assert impatient.returncode == 130, output
    assert "Traceback" not in output
    process = app.start("hydra/sweeper/sampler=random")
    said = said_by(process, "does not answer")
    limit = "hydra.sweeper.storage_timeout=600, but at most 60 s at a start"
    assert f"retrying for 60 s ({limit}): " in said, "what is waited, and why it is not the option"
    database.start()
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, output
    assert [trial.state for trial in trials_in(database.url)] == [TrialState.COMPLETE] * 2
    database.stop()
    output = app.run("hydra/sweeper/sampler=random", "hydra.sweeper.storage_timeout=1", code=1)
    database.start()
    assert "must answer within 1 s (hydra.sweeper.storage_timeout), but it did not" in output
    assert "Traceback" not in output


def said_by(process: "subprocess.Popen[str]", text: str) -> str:
    """Wait for a line that a process prints and return it."""
    assert process.stdout is not None
    return next(line for line in process.stdout if text in line)


def test_a_database_that_stays_down_ends_the_worker_and_the_same_command_continues(
    toy: MakeToy, database: Server
) -> None:
    app = make(toy, 4, steps=40, more=f"storage: {database.url}\nstorage_timeout: 2\n")
    held = hold_trials(app, 5)
    process = app.start("hydra/sweeper/sampler=random")
    wait_for(lambda: steps_of(app) == 2 * 5)
    database.stop()
    held.unlink()
    output, _ = process.communicate(timeout=PATIENCE_S)
    database.start()
    assert process.returncode == 1, output
    assert "must answer within 2 s (hydra.sweeper.storage_timeout), but it did not" in output
    assert "the same command" in output
    assert "Traceback" not in output
    assert any(trial.state == TrialState.RUNNING for trial in trials_in(database.url))
    app.run("hydra/sweeper/sampler=random")
    trials = trials_in(database.url)
    complete = sum(trial.state == TrialState.COMPLETE for trial in trials)
    assert complete == 4, [trial.user_attrs for trial in trials]
    assert not any(trial.state == TrialState.RUNNING for trial in trials)
    assert any(
        "checkpoint" in trial.user_attrs for trial in trials if "retry_of" in trial.user_attrs
    )
