"""The observer of a sweep learns how the sweep ended, and its failure does not affect the sweep."""

import os
import signal
from pathlib import Path

from .conftest import PATIENCE_S, MakeToy, Toy, wait_for

OBSERVER = """
import pathlib, sys
assert sys.argv[2:] == ["--follow"]
folder = pathlib.Path(sys.argv[1])
(folder / "begun").touch()
word = sys.stdin.readline().strip()
(folder / "heard.part").write_text(word or "nothing")
(folder / "heard.part").rename(folder / "heard")
"""
SWEEPER = "n_trials: 2\nslots: 1\nmax_errors: 1\nparams: {x: 'interval(0,1)'}\nobserver: watch\n"


def watched(toy: MakeToy, body: str, observer: str = OBSERVER) -> Toy:
    """Return an application with an observer."""
    app = toy(body, sweeper=SWEEPER)
    (app.folder / "watch.py").write_text(observer)
    return app


def heard(app: Toy) -> str:
    """Return what the observer heard."""
    path = app.sweep / "heard"
    wait_for(path.exists)
    return path.read_text()


def test_it_learns_how_the_sweep_ended(toy: MakeToy) -> None:
    fine = watched(toy, "return cfg.x")
    fine.run()
    assert heard(fine) == "complete"
    broken = watched(toy, "raise RuntimeError('a bug')")
    broken.run(code=1)
    assert heard(broken) == "error"


def test_it_learns_of_interrupts_and_of_a_killed_sweep(toy: MakeToy) -> None:
    for signum, word in ((signal.SIGINT, "killed"), (signal.SIGKILL, "nothing")):
        app = watched(toy, "Path('at_work').touch(); time.sleep(600); return cfg.x")
        process = app.start()
        wait_for((app.folder / "at_work").exists)
        wait_for((app.sweep / "begun").exists)
        os.kill(process.pid, signum)
        process.communicate(timeout=PATIENCE_S)
        assert heard(app) == word


def test_ctrl_c_ends_the_wait_for_an_observer_that_takes_long_to_end(toy: MakeToy) -> None:
    app = watched(toy, "return cfg.x", observer=f"{OBSERVER}\nimport time; time.sleep(600)")
    process = app.start()
    assert heard(app) == "complete"
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, output
    assert "Warning" not in output.replace("Hydra15MigrationWarning", "")
    assert "Traceback" not in output


def test_a_sweep_does_not_notice_that_its_observer_fails(toy: MakeToy) -> None:
    app = watched(toy, "return cfg.x", observer="raise SystemExit('no server')")
    output = app.run()
    assert app.kinds() == ["complete"] * 2
    assert "no server" not in output
    assert "no server" in (Path(app.sweep) / ".study" / "observer.log").read_text()
