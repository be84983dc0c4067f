"""The commands of a whole run, on few digits: each does what the next one expects."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from convsweep.__main__ import main
from convsweep.auto.process import run_process
from convsweep.auto.request import parse_request
from convsweep.auto.start import auto

from .conftest import RECORD, Commands, name_of


class Trained(Commands):
    """Runs what searches as processes, and what trains once in this one; the others have tests of
    their own.

    Args:
        monkeypatch: for the command line.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.monkeypatch = monkeypatch

    def __call__(
        self,
        arguments: Sequence[str],
        folder: Path,
        begin: Callable[[int], None],
        follow: Callable[[], None],
    ) -> int:
        name = name_of(arguments)
        if name in ("search", "confirm"):
            return run_process(arguments, folder, begin, follow)
        if name in ("baseline", "winner"):
            self.monkeypatch.setattr(sys, "argv", ["convsweep", *arguments])
            try:
                main()
            except SystemExit as end:
                return int(end.code or 0)
            if name == "baseline":
                lower_score(folder / "baseline" / "result.json")
            return 0
        return super().__call__(arguments, folder, begin, follow)


def lower_score(file: Path) -> None:
    """Lower the score of a run, so that any trial reaches it."""
    result = json.loads(file.read_text())
    result["objectives"] = dict.fromkeys(result["objectives"], 0.0)
    file.write_text(json.dumps(result))


@pytest.mark.long
def test_a_run_on_digits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["data=digits", "n_trials=2", "top=1", "seeds=1", f"folder={tmp_path}"]
    fingerprint = RECORD["data_fingerprint"]
    assert auto(parse_request(words), Trained(monkeypatch), lambda overrides: fingerprint) == 0  # type: ignore[arg-type,return-value]
    confirmed = json.loads((tmp_path / "study" / "confirm" / "confirm.json").read_text())
    assert confirmed["is_finished"]
    assert [network["name"] for network in confirmed["networks"]] == ["trial 1", "baseline"]
    assert [network["test"] for network in confirmed["networks"]] == [None, None]
    for run in ("baseline", "winner", "study/0", "study/confirm/runs/0"):
        assert json.loads((tmp_path / run / "result.json").read_text())["test"] == {}
    assert (tmp_path / "winner" / "checkpoints" / "best.ckpt").is_file()
    assert f"convsweep predict {tmp_path}/winner FILES" in capfd.readouterr().out
