"""A run that starts sooner lists the packages that are installed, which are read once."""

import importlib.metadata
from pathlib import Path

import pytest

from convsweep.tracking.wandb_run import finish_run, start_run

OFFLINE = {"silent": True, "console": "off"}


def listed(folder: Path) -> list[str]:
    """Start and finish a run and return the packages that it lists."""
    folder.mkdir()
    finish_run(start_run(folder, "offline", {"dir": folder}, OFFLINE), 0, 30)
    return sorted(next(folder.glob("wandb/offline-run-*/files/requirements.txt")).read_text().split())


def installed() -> list[str]:
    return sorted(f"{found.name}=={found.version}" for found in importlib.metadata.distributions())


def test_a_run_lists_the_installed_packages(tmp_path: Path) -> None:
    assert listed(tmp_path / "run") == installed()


def test_they_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = listed(tmp_path / "first")
    monkeypatch.setattr(importlib.metadata, "distributions", None)
    assert listed(tmp_path / "second") == expected
