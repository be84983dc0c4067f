"""The command in this process."""

from pathlib import Path

import pytest

from convsweep.export.__main__ import export
from tests.checkpoints import Command


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    return Command(export, capsys)
