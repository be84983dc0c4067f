"""Output of a sweep: sweep.csv, best.yaml, log lines, and the live table."""

import csv
import errno
import os
import pty
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import Mock

import pytest

from hydra_study.attributes import kind_of
from hydra_study.display.tables import Recorder
from hydra_study.storage.patience import Patience

from .conftest import PATIENCE_S, MakeToy

pytestmark = pytest.mark.long


def test_the_table_lists_every_trial_and_the_preset_runs_the_best(toy: MakeToy) -> None:
    app = toy(
        "Path('seen.txt').write_text(f'{cfg.x} {cfg.net.name} {cfg.net.width} {cfg.y}'); return"
        " cfg.x",
        "x: 0.5\ny: 1",
        "n_trials: 6\nslots: 2\nparams: {x: 'interval(0,1)', net: 'choice(a,b)', net.width:"
        " {values: '4,8', when: net == 'b'}}",
    )
    config = app.folder / "conf" / "config.yaml"
    text = config.read_text().replace("- _self_", "- net: a\n  - _self_")
    # as the config of a search in the Lightning and Hydra templates
    config.write_text(text.replace("\nhydra:\n", "\nhydra:\n  mode: MULTIRUN\n"))
    (app.folder / "conf" / "net").mkdir()
    for name in "ab":
        (app.folder / "conf" / "net" / f"{name}.yaml").write_text(f"name: {name}\nwidth: 2\n")
    output = app.run_in_process("y=3")
    assert output.count(" complete value=") == 6
    rows = list(csv.DictReader((app.sweep / "sweep.csv").read_text().splitlines()))
    assert [int(row["number"]) for row in rows] == list(range(6))
    assert {row["kind"] for row in rows} == {"complete"}
    best = min(rows, key=lambda row: float(row["value"]))
    assert f"(6 complete); best: trial {best['number']}  value=" in output
    command = [sys.executable, "app.py", "--config-dir", str(app.sweep), "--config-name", "best"]
    assert "# python app.py --config-dir " in (app.sweep / "best.yaml").read_text()
    for extra, y in (([], 3), (["y=9"], 9)):
        subprocess.run([*command, *extra], cwd=app.folder, check=True)
        x, net, width, seen_y = (app.folder / "seen.txt").read_text().split()
        assert (float(x), net) == (float(best["x"]), best["net"])
        assert (width, seen_y) == (best["net.width"] or "2", str(y))


def test_the_last_table_waits_for_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tries: list[str] = []

    def write(path: Path, text: str, lasting: bool = False) -> None:
        tries.append(path.name)
        if len(tries) < 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        path.write_text(text)

    monkeypatch.setattr("hydra_study.display.tables.write_atomically", write)
    study = Mock(patience=Patience(timeout_s=60), get_trials=Mock(return_value=[]))
    paths = Mock(record_lock=tmp_path / "lock", preset=tmp_path / "best.yaml")
    spec = Mock(folder=tmp_path, paths=paths, objectives=Mock(names=["value"]))
    monkeypatch.setattr("hydra_study.display.tables.tally", Mock(return_value=Mock(best=None)))
    recorder = Recorder(spec, study)
    recorder.write()
    assert not (tmp_path / "sweep.csv").exists()  # one of many: the next will do
    recorder.write(force=True)
    assert (tmp_path / "sweep.csv").read_text() == "number,kind,reason,value\n"
    assert "answers again" in caplog.text


def test_a_terminal_gets_a_live_table(toy: MakeToy) -> None:
    # the last two wait until the table has been seen with them
    body = """
        while trial.current().number > 3 and not Path("seen").exists(): time.sleep(0.05)
        return cfg.x
    """
    app = toy(body, sweeper="n_trials: 6\nslots: 2\nparams: {x: 'interval(0,1)'}")
    words = ("study app", "best: trial", "2 running", "about 0:00:0")
    master, slave = pty.openpty()
    command = [sys.executable, "app.py", "-m", "hydra.sweeper.view=auto"]
    process = subprocess.Popen(
        command, cwd=app.folder, stdout=slave, stderr=slave, env={**os.environ, "COLUMNS": "120"}
    )
    os.close(slave)
    seen = b""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            data = os.read(master, 4096)
        except OSError:
            break
        seen += data
        if all(word.encode() in seen for word in words):
            (app.folder / "seen").touch()
    os.close(master)
    assert process.wait() == 0
    text = seen.decode(errors="replace")
    assert [word for word in words if word not in text] == []


def test_attributes_and_the_environment_of_a_trial(toy: MakeToy) -> None:
    body = """
        from hydra.core.hydra_config import HydraConfig
        link = trial.current()
        link.set_attrs(wandb_id=f"run{link.number}")
        link.keep_alive()
        hydra_config = HydraConfig.get()
        assert hydra_config.mode.name == "RUN" and hydra_config.runtime.output_dir == link.folder
        assert os.environ["OMP_NUM_THREADS"] == "1" and "-m" not in sys.argv
        assert f"hydra.run.dir='{link.folder}'" in sys.argv and any(text.startswith("x=") for text in sys.argv)
        if os.fork() == 0: os._exit(0 if trial.current() is None else 1)
        assert os.wait()[1] == 0
        assert trial.in_trial() and os.environ["HYDRA_STUDY_TRIAL"] == str(link.number)
        print("to the log of the trial")
        return cfg.x
    """  # noqa: E501
    app = toy(
        body, sweeper="n_trials: 2\nslots: 2\nparams: {x: 'interval(0,1)'}\nstudy_name: other"
    )
    app.sweep = app.folder / "multirun" / "other"
    output = app.run_in_process()
    assert "to the log" not in output
    study = app.study("other")
    for one in study.trials:
        assert one.user_attrs.get("reason") is None, one.user_attrs
        assert one.user_attrs["wandb_id"] == f"run{one.number}"
        assert Path(one.user_attrs["folder"]).name == str(one.number)
        assert (
            "to the log of the trial"
            in (Path(one.user_attrs["folder"]) / "console.log").read_text()
        )


def test_the_hook_suggest_adds_overrides(toy: MakeToy) -> None:
    app = toy(
        "return sum(cfg.widths)",
        "widths: []\nn: 1",
        "n_trials: 5\nslots: 2\nparams: {n: 'range(1,4)'}\nsuggest: hook.widths",
    )
    (app.folder / "hook.py").write_text(
        "def widths(trial, params):\n    return {'widths': [trial.suggest_int(f'width_{i}', 1, 9)"
        " for i in range(params['n'])]}\n"
    )
    app.run_in_process()
    for one in (trial for trial in app.trials() if kind_of(trial) != "duplicate"):
        assert one.value == sum(one.params[f"width_{i}"] for i in range(one.params["n"]))
        assert len(one.params) == one.params["n"] + 1


def test_a_hook_that_fails_ends_the_sweep_and_leaves_nothing_running(toy: MakeToy) -> None:
    app = toy(
        "return cfg.x",
        sweeper="n_trials: 5\nslots: 1\nparams: {x: 'interval(0,1)'}\nsuggest: hook.fail",
    )
    (app.folder / "hook.py").write_text(
        "def fail(trial, params):\n    raise RuntimeError('in the hook')\n"
    )
    assert "in the hook" in app.run_in_process(code=1)
    assert app.kinds() == ["error"]


def test_a_group_that_has_no_default_can_be_searched(toy: MakeToy) -> None:
    app = toy("return cfg.net.width", "x: 0", "n_trials: 2\nslots: 1\nparams: {net: 'glob(*)'}")
    config = app.folder / "conf" / "config.yaml"
    config.write_text(config.read_text().replace("- _self_", "- net: ???\n  - _self_"))
    (app.folder / "conf" / "net").mkdir()
    for width, name in enumerate("ab"):
        (app.folder / "conf" / "net" / f"{name}.yaml").write_text(f"width: {width}\n")
    app.run_in_process("hydra/sweeper/sampler=grid")
    assert [(one.params["net"], one.value) for one in app.trials()] == [("a", 0), ("b", 1)]
