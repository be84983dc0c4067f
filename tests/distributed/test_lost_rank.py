"""The first process waits for no other that has died, even where it hangs itself."""

import json
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from convsweep.errors import DivergedError
from convsweep.training import lost_rank
from convsweep.training.lost_rank import Observer, cause_of, find_lost, leave_note


def ended(code: str) -> subprocess.Popen[bytes]:
    """Return a process that has run `code` to its end."""
    process = subprocess.Popen([sys.executable, "-c", code])
    process.wait()
    return process


def test_the_cause_is_told_by_the_process_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_RANK", "2")
    monkeypatch.delenv("RANK", raising=False)
    leave_note(tmp_path, DivergedError("the loss is nan"))
    processes = [ended(""), ended("raise SystemExit(1)")]
    lost = cause_of(RuntimeError("Connection closed by peer"), processes, tmp_path)
    assert lost is not None
    assert (str(lost), lost.kind) == (
        "process 2 of the training failed: the loss is nan",
        "diverged",
    )
    assert cause_of(DivergedError("its own"), processes, tmp_path) is None
    assert find_lost(processes[:1], tmp_path) is None


def test_a_signal_is_told_as_killed(tmp_path: Path) -> None:
    lost = find_lost([ended("import os; os.kill(os.getpid(), 9)")], tmp_path)
    assert lost is not None
    assert lost.kind == "killed"
    assert "SIGKILL" in str(lost)


def test_a_run_that_hangs_is_closed_and_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[Any] = []
    monkeypatch.setattr(lost_rank, "PATIENCE_S", 0.01)
    monkeypatch.setattr(lost_rank.os, "_exit", said.append)
    link = SimpleNamespace(report_end=lambda kind, reason: said.append(kind))
    run: Any = SimpleNamespace(
        folder=tmp_path,
        link=link,
        closing=threading.Event(),
        close=lambda error: said.append(str(error)),
    )
    (tmp_path / "rank_1.json").write_text(
        json.dumps({"kind": "out_of_memory", "reason": "no room"})
    )
    observer = Observer(run, [ended("raise SystemExit(1)")])
    observer.run()
    assert said == ["out_of_memory", "process 1 of the training failed: no room", 1]
    said.clear()
    run.closing.set()
    observer.run()
    assert said == [], "a run that is closing has noticed"
