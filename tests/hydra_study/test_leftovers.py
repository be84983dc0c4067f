"""Unfinished files of killed processes are removed when the sweep continues, others are not."""

import json
import os
import signal
import tempfile
from pathlib import Path

import pytest

from hydra_study.processes.temporary_folder import TemporaryFolder, remove_abandoned
from hydra_study.storage.heartbeat import Heartbeat

from .conftest import PATIENCE_S, MakeToy


def test_unfinished_files_of_killed_processes_are_removed(toy: MakeToy) -> None:
    body = """
        if trial.current().number == 0:
            (Path(trial.current().folder) / ".outcome.json.123").write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
        return cfg.x
    """
    app = toy(body, sweeper="n_trials: 2\nparams: {x: 'interval(0,1)'}\nslots: 1")
    workers = app.sweep / ".study" / "workers"
    workers.mkdir(parents=True)
    left = [
        app.sweep / ".sweep.csv.77",
        app.sweep / ".best.yaml.77",
        app.sweep / ".multirun.yaml.77",
        workers / ".dead-0.json.77",
    ]
    for path in left:
        path.write_text("half")
    living = Heartbeat(workers, "living-0")
    writing = workers / f".living-0.json.{os.getpid()}"
    writing.write_text(json.dumps({}))
    other = app.sweep / ".notes"
    other.write_text("mine")
    app.run()
    hidden = {path for path in app.sweep.rglob(".*") if path.is_file()}
    assert hidden == {writing, other}
    os.close(living.lock)
    assert (app.sweep / "0" / "console.log").is_file()
    assert not (app.sweep / "0" / ".outcome.json.123").exists()
    assert Path(app.sweep / "sweep.csv").is_file()


def test_temporary_files_are_removed_with_their_worker_also_if_it_is_killed(
    toy: MakeToy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    body = """
        import tempfile
        Path(tempfile.mkdtemp(), "large").write_text("x")
        if not Path("killed").exists():
            Path("killed").touch()
            while not Path("head").exists(): time.sleep(0.02)
            # the worker; its template then kills this trial
            os.kill(int(Path("head").read_text()), signal.SIGKILL)
            time.sleep(60)
        return cfg.x
    """
    app = toy(body, sweeper="n_trials: 2\nparams: {x: 'interval(0,1)'}\nslots: 1")
    process = app.start()
    (app.folder / "next").write_text(str(process.pid))
    (app.folder / "next").rename(app.folder / "head")
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == -signal.SIGKILL
    assert any((tmp_path / "tmp").iterdir())
    app.run()
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_folder_that_is_taken_for_abandoned_before_it_is_locked_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    make = tempfile.mkdtemp

    def make_and_lose(**options: str) -> str:
        monkeypatch.setattr(tempfile, "mkdtemp", make)
        path = make(**options)
        remove_abandoned()
        return path

    monkeypatch.setattr(tempfile, "mkdtemp", make_and_lose)
    folder = TemporaryFolder()
    remove_abandoned()
    assert folder.path.is_dir()
    folder.remove()
    assert list(tmp_path.iterdir()) == []
