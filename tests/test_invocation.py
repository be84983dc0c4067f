"""Commands that are offered can be typed into the shell that the program was started from."""

import subprocess
import sys

import pytest

from convsweep.cli.shell_command import STARTED_BY_UV_RUN, python_command


def test_an_activated_environment_has_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(STARTED_BY_UV_RUN, raising=False)
    assert python_command("train.py", "data.root=my photos") == "python train.py 'data.root=my photos'"


def test_who_typed_uv_run_is_offered_uv_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STARTED_BY_UV_RUN, "1")
    assert python_command("train.py", "seed=1") == "uv run train.py seed=1"
    assert python_command("-m", "convsweep.review.report", "outputs") == "uv run python -m convsweep.review.report outputs"
    done = subprocess.run(
        [sys.executable, "-m", "convsweep.inference.predict", "--help"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("usage: uv run python -m convsweep.inference.predict ")
    assert "\n  uv run python -m convsweep.inference.predict outputs/" in done.stdout
