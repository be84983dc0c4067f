"""A process whose point came to nothing takes the next one; one that has trained takes no other."""

import socket
from types import SimpleNamespace
from typing import Any

import pytest

from hydra_plugins.study.search.messages import Channel
from hydra_plugins.study.search.recipe import Job
from hydra_plugins.study.search.scouts import Scouts

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


def test_a_process_serves_until_it_has_trained_and_the_task_knows_what_was_checked(toy: MakeToy) -> None:
    app = make(toy)
    app.run("hydra/sweeper/sampler=grid")
    assert list(processes(app).values()) == [[0], [1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]
    assert [trial.value for trial in app.trials() if trial.value is not None] == [0, 1, 2, 3]
    assert sorted(path.name for path in app.sweep.glob("[0-9]*")) == ["0", "12", "4", "8"]
    assert app.kinds() == ["infeasible" if number % 4 else "complete" for number in range(13)]
    assert {trial.user_attrs["reason"] for trial in app.trials() if trial.value is None} == {"x must be a multiple of 4"}


def test_a_process_that_dies_at_a_later_point_costs_that_point_a_retry(toy: MakeToy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEADLY", "6")
    app = make(toy)
    app.run("hydra/sweeper/sampler=grid")
    kinds = app.kinds()
    assert kinds.count("complete") == 4
    assert kinds.count("killed") == 1
    assert [trial.params["x"] for trial, kind in zip(app.trials(), kinds, strict=True) if kind == "killed"] == [6]
    assert "running" not in kinds
    assert [values for values in processes(app).values() if 6 in values] == [[5, 6], [6, 7, 8]]


def test_who_has_died_or_was_let_go_gets_no_job() -> None:
    ours, theirs = socket.socketpair()
    attempt: Any = SimpleNamespace(slot=SimpleNamespace(index=2), channel=Channel(ours), pid=77)
    scouts, heard, job = Scouts(), Channel(theirs), Job(5, ["x=1"])
    scouts.keep(attempt)
    assert scouts.send(1, job) is None
    assert scouts.send(2, job) == (attempt.channel, 77)
    assert heard.receive()[0] == [{"say": "job", "job": job.as_dict()}]
    assert scouts.send(2, job) is None, "it is at work"
    scouts.keep(attempt)
    scouts.lose(78)
    scouts.lose(77)
    assert scouts.send(2, job) is None
    assert heard.receive() == ([], False), "its connection is closed"
    heard.close()
