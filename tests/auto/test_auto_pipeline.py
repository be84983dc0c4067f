"""The commands of a whole run, on few digits: each does what the next one expects."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from convsweep.auto.process import run_process
from convsweep.auto.request import parse_request
from convsweep.auto.run import auto

from .conftest import RECORD, Commands, name_of


class Trained(Commands):
    """Runs what trains and tests; plan, export and report have tests of their own."""

    def __call__(
        self,
        arguments: Sequence[str],
        folder: Path,
        begin: Callable[[int], None],
        follow: Callable[[], None],
    ) -> int:
        if name_of(arguments) in ("plan", "export", "report"):
            return super().__call__(arguments, folder, begin, follow)
        return run_process(arguments, folder, begin, follow)


@pytest.mark.long
def test_a_run_on_digits(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = ["data=digits", "n_trials=2", "top=1", "seeds=2", f"folder={tmp_path}"]
    fingerprint = RECORD["data_fingerprint"]
    assert auto(parse_request(words), Trained(), lambda overrides: fingerprint) == 0  # type: ignore[arg-type,return-value]
    confirmed = json.loads((tmp_path / "study" / "confirm" / "confirm.json").read_text())
    assert confirmed["is_finished"]
    assert [network["test"] for network in confirmed["networks"]] == [None, None]
    for run in ("baseline", "winner", "study/0", "study/confirm/runs/0"):
        assert json.loads((tmp_path / run / "result.json").read_text())["test"] == {}
    assert (tmp_path / "winner" / "checkpoints" / "best.ckpt").is_file()
    tested = json.loads((tmp_path / "test" / "evaluation.json").read_text())
    assert (tested["split"], tested["samples"]) == ("test", 359)
    said = capfd.readouterr().out
    assert f"convsweep predict {tmp_path}/winner FILES" in said
    assert f"test accuracy {tested['metrics']['accuracy']:.4g}, 95 % interval" in said
