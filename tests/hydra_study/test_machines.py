"""A sweep on several machines: one database, one folder, clocks that differ, and machines that are
lost.
"""

import json
import os
import signal
import subprocess
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from hydra_study.trials.outcomes import Policy
from hydra_study.trials.session import Session

from .conftest import PATIENCE_S, MakeToy, Toy, wait_for
from .needed import needs
from .postgresql import Server, trials_in

pytestmark = pytest.mark.long

MACHINES, WORKERS, TRIALS = 2, 2, 8

ANOTHER_MACHINE = """
import os, socket, time
name, offset = os.environ.get("TOY_MACHINE"), float(os.environ.get("TOY_CLOCK", "0"))
if name is not None:
    wall, steady = time.time, time.monotonic
    began = steady()  # so that a steady clock is below zero on a machine of any uptime
    socket.gethostname = lambda: name
    time.time, time.monotonic = lambda: wall() + offset, lambda: steady() - began + 2 * offset
"""
BODY = """
    folder = Path(trial.current().folder)
    start = int(Path(trial.current().checkpoint).read_text()) if trial.current().checkpoint else 0
    (folder / "checkpoints").mkdir(exist_ok=True)
    # a worker trains one trial at a time: one that is faster does not train all of them
    while len(list(folder.parent.glob("[0-9]*"))) < cfg.together: time.sleep(0.02)
    for step in range(start, 4):
        time.sleep(cfg.pause)
        save(folder / "checkpoints" / "last.ckpt", str(step + 1))
        while int(folder.name) >= 4 and Path("hold").exists(): time.sleep(0.02)
    (folder / "done").write_text(f"{start}")
    return cfg.x
"""


def on_machine(app: Toy, name: str, clock_s: float, *arguments: str) -> "subprocess.Popen[str]":
    """Start a sweep on a machine of that name, whose clocks are off by so much."""
    (app.folder / "sitecustomize.py").write_text(ANOTHER_MACHINE)
    own = {"TOY_MACHINE": name, "TOY_CLOCK": str(clock_s), "PYTHONPATH": str(app.folder)}
    before = {key: os.environ.get(key) for key in own}
    os.environ.update(own)
    try:
        return app.start("hydra/launcher=joblib", "hydra/sweeper/sampler=random", *arguments)
    finally:
        for key, value in before.items():
            os.environ.pop(key)
            if value is not None:
                os.environ[key] = value


def wait_for_death(process: "subprocess.Popen[str]") -> None:
    """Wait for a process that was killed, whose output others may still hold."""
    process.wait(timeout=PATIENCE_S)
    assert process.stdout is not None
    process.stdout.close()


def workers_of(app: Toy, machine: str) -> list[int]:
    """Return the processes of a machine's workers."""
    said = [json.loads(path.read_text()) for path in app.sweep.glob(".study/workers/[!.]*.json")]
    return [state["pid"] for state in said if state.get("machine", "").startswith(f"{machine}/")]


def signal_all(app: Toy, machine: str, signum: signal.Signals) -> None:
    """Send a signal to all processes of a machine."""
    own = f"TOY_MACHINE={machine}\0".encode(), f"PYTHONPATH={app.folder}\0".encode()
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it has gone
            variables = path.read_bytes()
            if all(variable in variables for variable in own):
                os.kill(int(path.parent.name), signum)


def test_a_database_serves_the_workers_of_many_machines(toy: MakeToy, database: Server) -> None:
    needs("hydra_plugins.hydra_joblib_launcher")
    options = (
        f"n_trials: {TRIALS}\nslots: 1\nworkers: {WORKERS}\nparams: {{x:"
        f" 'interval(0,1)'}}\nstorage: {database.url}"
    )
    app = toy(BODY, f"x: 0.0\npause: 0.0\ntogether: {WORKERS + 1}", options)
    launchers = [on_machine(app, f"m{index}", 1000.0 * index) for index in range(MACHINES)]
    outputs = [launcher.communicate(timeout=900)[0] for launcher in launchers]
    assert [launcher.returncode for launcher in launchers] == [0] * MACHINES, outputs
    trials = trials_in(database.url)
    assert Counter(trial.state.name for trial in trials) == {"COMPLETE": TRIALS}
    assert [trial.number for trial in trials] == list(range(TRIALS))
    assert all(trial.value == trial.params["x"] for trial in trials)
    assert len(list(app.sweep.glob("[0-9]*/done"))) == TRIALS, (
        "every trial ran once, in a folder of its own"
    )
    assert len({trial.user_attrs["worker"] for trial in trials}) >= MACHINES


def test_trials_of_a_lost_machine_are_retried_elsewhere(toy: MakeToy, database: Server) -> None:
    needs("hydra_plugins.hydra_joblib_launcher")
    options = (
        "n_trials: 12\nslots: 1\nworkers: 2\nstale_after: 8\nparams: {x:"
        f" 'interval(0,1)'}}\nstorage: {database.url}"
    )
    app = toy(BODY, "x: 0.0\npause: 0.0\ntogether: 1", options)
    hold = app.folder / "hold"
    hold.touch()
    survivor, lost = on_machine(app, "ahead", 7200.0), on_machine(app, "behind", -7200.0)
    # four trials have ended, and each of four workers holds one that left a checkpoint
    wait_for(lambda: len(list(app.sweep.glob("[0-9]*/checkpoints/last.ckpt"))) == 4 + 4)
    theirs = {
        path.stem
        for path in app.sweep.glob(".study/workers/[!.]*.json")
        if "behind/" in path.read_text()
    }
    signal_all(app, "behind", signal.SIGSTOP)  # or a worker would notice that its trial dies
    signal_all(app, "behind", signal.SIGKILL)
    wait_for_death(lost)
    hold.unlink()
    output, _ = survivor.communicate(timeout=PATIENCE_S)
    assert survivor.returncode == 0, output
    trials = trials_in(database.url)
    kinds = Counter(trial.user_attrs["kind"] for trial in trials)
    assert kinds["complete"] == 12, output
    retried = [trial for trial in trials if "retry_of" in trial.user_attrs]
    assert kinds["killed"] == len(retried) == 2
    starts = [int((app.sweep / str(trial.number) / "done").read_text()) for trial in retried]
    for trial, start in zip(retried, starts, strict=True):
        former = trials[trial.user_attrs["retry_of"]]
        assert former.params == trial.params
        assert former.user_attrs["worker"] in theirs
        assert trial.user_attrs["worker"] not in theirs
        assert start > 0, "it went on from the checkpoint that the lost machine left"


def test_a_sweep_continues_without_its_head(toy: MakeToy) -> None:
    needs("hydra_plugins.hydra_submitit_launcher")
    app = toy(
        BODY,
        "x: 0.0\npause: 0.1\ntogether: 1",
        "n_trials: 10\nslots: 1\nworkers: 2\nparams: {x: 'interval(0,1)'}",
    )
    head = app.start("hydra/launcher=submitit_local")
    wait_for(lambda: len(list(app.sweep.glob("[0-9]*/done"))) >= 2)
    os.kill(head.pid, signal.SIGKILL)
    wait_for(lambda: app.kinds().count("complete") == 10)
    wait_for_death(head)
    assert "all 10 trials are done" in app.run("hydra/launcher=basic")


def test_errors_in_a_row_are_counted_without_the_machines_clocks() -> None:
    study = optuna.create_study()
    spec: Any = SimpleNamespace(session="now", options=SimpleNamespace(max_errors=3))
    session = Session(study, spec)  # type: ignore[arg-type]
    ahead = datetime.now() + timedelta(hours=2)
    for number, kind in enumerate(["error", "complete", "error", "error", "error"]):
        value, state = (1.0, TrialState.COMPLETE) if kind == "complete" else (None, TrialState.FAIL)
        trial = create_trial(state=state, value=value, user_attrs={"kind": kind, "session": "now"})
        trial.datetime_complete = ahead if kind == "complete" else datetime.now()
        study.add_trial(trial)
        assert (session.stop_after(kind, Policy("go_on")) is not None) == (number == 4)
    first = session.first_error()
    assert first is not None
    assert first.number == 2
