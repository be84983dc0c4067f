"""A process takes the next trial of its slot while it is young, and finds all that the last one changed put back."""

import socket
from types import SimpleNamespace
from typing import Any

import pytest

from hydra_plugins.study.search.between import Between
from hydra_plugins.study.search.messages import Channel
from hydra_plugins.study.search.recipe import Job

from .conftest import MakeToy, Toy

CHECK = """
import os, signal, sys
from pathlib import Path

class Odd(ValueError):
    kind = "infeasible"

def check(cfg):
    with open("checks.txt", "a") as log:
        log.write(f"{cfg.x} {os.getpid()}\\n")
    if cfg.x == int(os.environ.get("DEADLY", -1)) and not Path("dead").exists():
        Path("dead").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if cfg.x % 4:
        raise Odd("x must be a multiple of 4")
    return {"quarter": cfg.x // 4}
"""
SWEEPER = "n_trials: 4\nslots: 1\ncheck: checks.check\nparams: {x: 'range(0,40)'}"
TASK = "return trial.current().checked['checks.check']['quarter']"


def processes(app: Toy) -> dict[int, list[int]]:
    """Return the values that each process has checked, but for the rehearsal of the template."""
    found: dict[int, list[int]] = {}
    for line in (app.folder / "checks.txt").read_text().splitlines()[1:]:
        x, pid = map(int, line.split())
        found.setdefault(pid, []).append(x)
    return found


def make(toy: MakeToy) -> Toy:
    app = toy(TASK, "x: 0", SWEEPER)
    (app.folder / "checks.py").write_text(CHECK)
    return app


def test_a_process_serves_one_trial_after_the_other_and_the_task_knows_what_was_checked(toy: MakeToy) -> None:
    app = make(toy)
    app.run("hydra/sweeper/sampler=grid")
    assert list(processes(app).values()) == [[*range(13)]]
    assert [trial.value for trial in app.trials() if trial.value is not None] == [0, 1, 2, 3]
    assert sorted(path.name for path in app.sweep.glob("[0-9]*")) == ["0", "12", "4", "8"]
    assert app.kinds() == ["infeasible" if number % 4 else "complete" for number in range(13)]
    assert {trial.user_attrs["reason"] for trial in app.trials() if trial.value is None} == {"x must be a multiple of 4"}


def test_one_that_has_trained_goes_where_each_trial_shall_have_its_own(toy: MakeToy) -> None:
    app = make(toy)
    app.run("hydra/sweeper/sampler=grid", "hydra.sweeper.fresh_after=0")
    assert list(processes(app).values()) == [[0], [1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]
    assert app.kinds() == ["infeasible" if number % 4 else "complete" for number in range(13)]


def test_a_process_that_dies_at_a_later_point_costs_that_point_a_retry(toy: MakeToy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEADLY", "6")
    app = make(toy)
    app.run("hydra/sweeper/sampler=grid")
    kinds = app.kinds()
    assert kinds.count("complete") == 4
    assert kinds.count("killed") == 1
    assert [trial.params["x"] for trial, kind in zip(app.trials(), kinds, strict=True) if kind == "killed"] == [6]
    assert "running" not in kinds
    assert [*processes(app).values()] == [[*range(7)], [*range(6, 13)]]


ENDS = """
link = trial.current()
with open("trials.txt", "a") as log:
    log.write(f"{cfg.x} {os.getpid()}\\n")
if cfg.x == 1:
    link.report(1, 5.0)
    raise trial.Pruned("no good")
if cfg.x == 3:
    raise ValueError("a mistake")
if cfg.x == 5:
    import multiprocessing
    multiprocessing.get_context("fork").Process(target=time.sleep, args=(100,), daemon=True).start()
if cfg.x == 7:
    time.sleep(1.5)
return cfg.x
"""


def test_what_failed_or_left_something_or_grew_old_takes_no_other(toy: MakeToy) -> None:
    sweeper = "n_trials: 9\nslots: 1\nfresh_after: 1.4\nparams: {x: 'range(0,9)'}"
    app = toy(ENDS, "x: 0", sweeper)
    app.run("hydra/sweeper/sampler=grid")
    assert app.kinds() == ["complete", "pruned", "complete", "error", *["complete"] * 5]
    found: dict[int, list[int]] = {}
    for line in (app.folder / "trials.txt").read_text().splitlines():
        x, pid = map(int, line.split())
        found.setdefault(pid, []).append(x)
    assert [*found.values()] == [[0, 1, 2, 3], [4, 5], [6, 7], [8]]
    assert all((app.sweep / str(number) / "console.log").is_file() for number in range(9))


STATES = """
import random, logging
import numpy as np
seen = [random.random(), np.random.random(), "LEFT_BEHIND" in os.environ, trial.checkpoint()]
seen.append(trial.current().number == int(cfg.x))
import warnings
seen.append(any("left behind" in str(filter[1]) for filter in warnings.filters))
os.environ["LEFT_BEHIND"] = "1"
warnings.filterwarnings("ignore", "left behind")
signal.signal(signal.SIGTERM, signal.SIG_IGN)
logging.getLogger("app").info("this is %g", cfg.x)
print("printed", cfg.x)
blocks = [b"x" * (100_000 + n) for n in range(3000)] if cfg.x == 0 else None
Path(trial.current().folder, "seen").write_text(repr(seen))
return cfg.x
"""


def test_a_trial_finds_its_process_as_if_it_were_a_fresh_one(toy: MakeToy) -> None:
    app = toy("import numpy\n" + STATES, "x: 0", "n_trials: 3\nslots: 1\npreload: [numpy.random]\nparams: {x: 'range(0,3)'}")
    app.run("hydra/sweeper/sampler=grid")
    seen = [(app.sweep / str(number) / "seen").read_text() for number in range(3)]
    assert len(set(seen)) == 1, "no trial sees what another has drawn, set or filtered"
    assert seen[0].endswith("False, None, True, False]")
    assert [(app.sweep / str(number) / "console.log").read_text().splitlines()[-1] for number in range(3)] == [
        "printed 0",
        "printed 1",
        "printed 2",
    ]
    logs = [(app.sweep / str(number) / "app.log").read_text() for number in range(3)]
    assert [log.count("this is") for log in logs] == [1, 1, 1]
    peaks = [trial.user_attrs["peak_memory_mb"] for trial in app.trials()]
    assert peaks[0] > max(peaks[1:]) + 200, "the peak is the trial's own"


def test_who_has_died_or_was_let_go_gets_no_job() -> None:
    ours, theirs = socket.socketpair()
    attempt: Any = SimpleNamespace(slot=SimpleNamespace(index=2), channel=Channel(ours), pid=77, close_reason="")
    between, heard, job = Between(), Channel(theirs), Job(5, ["x=1"])
    between.keep(attempt)
    assert between.send(1, job) is None
    assert between.send(2, job) == (attempt.channel, 77)
    assert heard.receive()[0] == [{"say": "job", "job": job.as_dict()}]
    assert between.send(2, job) is None, "it is at work"
    between.keep(attempt)
    between.lose(78)
    between.lose(77)
    assert between.send(2, job) is None
    assert heard.receive() == ([], False), "its connection is closed"
    heard.close()


def test_who_was_asked_to_close_meanwhile_is_let_go_and_waited_for() -> None:
    ours, theirs = socket.socketpair()
    attempt: Any = SimpleNamespace(slot=SimpleNamespace(index=2), channel=Channel(ours), pid=77, close_reason="ran for 3 s")
    between, heard = Between(), Channel(theirs)
    between.keep(attempt)
    assert between.send(2, Job(5, ["x=1"])) is None
    assert heard.receive() == ([], False), "its connection is closed"
    assert between.leaving == {77}
    between.lose(77)
    assert not between.leaving
    heard.close()
