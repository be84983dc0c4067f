"""A run that starts sooner lists the packages that are installed and the commit, which are asked for once."""

import importlib.metadata
import subprocess
import sysconfig
from pathlib import Path

import pytest

from convsweep.tracking.swift_wandb import ask_git_once
from convsweep.tracking.wandb_run import finish_run, start_run

OFFLINE = {"silent": True, "console": "off"}


def listed(folder: Path) -> list[str]:
    """Start and finish a run and return the packages that it lists."""
    folder.mkdir()
    finish_run(start_run(folder, "offline", {"dir": folder}, OFFLINE), 0, 30)
    return sorted(next(folder.glob("wandb/offline-run-*/files/requirements.txt")).read_text().split())


def installed() -> set[str]:
    """Return what is in the environment; a module that was imported, as Ray, may have put further folders on the path."""
    folder = [sysconfig.get_path("purelib")]
    return {f"{found.name}=={found.version}" for found in importlib.metadata.distributions(path=folder)}


def test_a_run_lists_the_installed_packages(tmp_path: Path) -> None:
    assert len(installed()) > 50
    assert installed() <= set(listed(tmp_path / "run"))


def test_they_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = listed(tmp_path / "first")
    monkeypatch.setattr(importlib.metadata, "distributions", None)
    assert listed(tmp_path / "second") == expected


@pytest.mark.parametrize("remote", ["ssh://somewhere/nets.git", None])
def test_git_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remote: str | None) -> None:
    from wandb.sdk.lib import gitlib

    def git(*words: str) -> str:
        name = ["-c", "user.name=a", "-c", "user.email=a@b"]
        return subprocess.run(["git", *name, *words], check=True, capture_output=True, text=True).stdout.strip()

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(gitlib, "run_git", gitlib.run_git)
    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "--message", "one")
    if remote:
        git("remote", "add", "origin", remote)
    ask_git_once.__wrapped__()
    commit = git("rev-parse", "HEAD")
    monkeypatch.setattr(gitlib.subprocess, "run", None)
    run = start_run(tmp_path, "offline", {"dir": tmp_path}, OFFLINE)
    finish_run(run, 0, 30)
    assert (run.settings.git_commit, run.settings.git_remote_url) == (commit, remote)


def test_a_folder_without_git_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from wandb.sdk.lib import gitlib

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(gitlib, "run_git", gitlib.run_git)
    ask_git_once.__wrapped__()
    monkeypatch.setattr(gitlib.subprocess, "run", None)
    run = start_run(tmp_path, "offline", {"dir": tmp_path}, OFFLINE)
    finish_run(run, 0, 30)
    assert run.settings.git_commit is None
