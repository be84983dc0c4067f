"""Ctrl-C, and a signal to the head alone, under each launcher: trials are closed, nothing is left,
the same command continues.
"""

import contextlib
import os
import signal
from pathlib import Path

import pytest

from .conftest import MakeToy, wait_for
from .needed import needs
from .test_launchers import LAUNCHERS
from .test_resume import TRAINING, in_the_middle

# Trials of one length would all end at once, and an interrupt could meet none.
UNEVEN = TRAINING.replace("time.sleep(0.15)", "time.sleep(0.1 + 0.05 * (link.number % 3))")

WAYS = {
    "joblib Ctrl-C": (os.killpg, signal.SIGINT),
    "joblib a signal to the head": (os.kill, signal.SIGINT),
    "submitit_local Ctrl-C": (os.killpg, signal.SIGINT),
    "ray Ctrl-C": (os.killpg, signal.SIGINT),
    "ray a signal to the head": (os.kill, signal.SIGTERM),
}


@pytest.mark.parametrize("way", WAYS)
def test_an_interrupt_closes_the_trials_and_the_same_command_continues(
    toy: MakeToy, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher, _, _ = way.partition(" ")
    module, extra = LAUNCHERS[launcher]
    needs(module)
    monkeypatch.setenv("RAY_worker_niceness", "0")
    app = toy(
        UNEVEN,
        sweeper="n_trials: 20\nslots: 2\nworkers: 2\nparams: {x: 'interval(0,1)'}\ngrace: 20",
    )
    command = (f"hydra/launcher={launcher}", *extra, "hydra/sweeper/sampler=random")
    process = app.start(*command)
    wait_for(lambda: in_the_middle(app), timeout=90)
    ask, signum = WAYS[way]
    ask(process.pid, signum)
    output, _ = process.communicate(timeout=90)
    assert process.returncode == 128 + signum, output
    wait_for(lambda: not processes_in(app.folder))
    interrupted = [
        trial for trial, kind in zip(app.trials(), app.kinds(), strict=True) if kind == "killed"
    ]
    assert app.kinds().count("complete") < 20
    assert interrupted, output
    assert "running" not in app.kinds(), "all were closed, none was lost"
    assert all(
        "signal from outside" in trial.user_attrs["reason"]
        or "stopped" in trial.user_attrs["reason"]
        for trial in interrupted
    )
    app.run(*command)
    assert app.kinds().count("complete") == 20
    assert not {"running", "waiting"} & set(app.kinds())
    again = {
        trial.user_attrs["retry_of"]: trial
        for trial in app.trials()
        if "retry_of" in trial.user_attrs
    }
    assert sorted(again) == [trial.number for trial in interrupted]
    for trial in interrupted:
        assert again[trial.number].params == trial.params
        if (
            app.sweep / str(trial.number) / "checkpoints" / "last.ckpt"
        ).is_file():  # else that of a trial before it, or none
            assert "checkpoint" in again[trial.number].user_attrs
        assert sorted(again[trial.number].intermediate_values) == list(range(6))


def processes_in(folder: Path) -> list[int]:
    """Return the processes that run in a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "cwd").readlink() == folder:
                found.append(int(entry.name))
    return found
