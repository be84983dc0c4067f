"""Data that a W&B server receives from a study: its own run and those of its trials, online,
offline and resumed.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState
from wandb_server import WandbServer

from convsweep.errors import UserError
from convsweep.review.report.rendering.palette import palette
from convsweep.review.wandb_study.follow import log_once
from convsweep.review.wandb_study.options import wandb_options
from convsweep.tracking import read_run_file
from hydra_study.paths import SweepPaths
from hydra_study.storage.journal import open_journal

pytestmark = pytest.mark.long

CONFIG = """
monitor: {metric: val/accuracy, mode: max}
logger:
  _target_: convsweep.tracking.WandbLogger
  project: convsweep
  group: null
  tags: []
  mode: auto
  log_model: best
hydra:
  sweeper: {study_name: depth, direction: maximize, n_trials: 12}
  overrides: {task: [sweeps=depth], hydra: []}
"""
DISTRIBUTIONS = {
    "net.depth": CategoricalDistribution([1, 2, 3]),
    "lr": FloatDistribution(1e-3, 1e-1, log=True),
}
OUTCOMES = ["complete"] * 9 + ["pruned", "infeasible", "error"]
STATES = {"pruned": TrialState.PRUNED, "infeasible": TrialState.PRUNED, "error": TrialState.FAIL}


def ended(number: int, kind: str, folder: Path, values: list[float] | None) -> FrozenTrial:
    """Return a trial as a sweep leaves it."""
    info: dict[str, Any] = {"kind": kind, "seconds": 2.0, "worker": "w", "slot": 0, "session": "s"}
    if kind != "infeasible":
        info |= {
            "wandb_id": f"run{number}",
            "folder": str(folder / str(number)),
            "params": 100 * number,
            "macs": 10 * number,
        }
        info |= {"best_checkpoint": str(folder / str(number) / "checkpoints" / "best.ckpt")}
    if kind != "complete":
        info["reason"] = f"it was {kind}"
    params = {"net.depth": 1 + number % 3, "lr": 0.001 * (number + 1)}
    state = STATES.get(kind, TrialState.COMPLETE)
    return optuna.trial.create_trial(
        state=state, values=values, params=params, distributions=DISTRIBUTIONS, user_attrs=info
    )


@pytest.fixture
def sweep_folder(tmp_path: Path) -> Path:
    """The folder of a sweep of twelve trials; the seventh is the best and has left a checkpoint."""
    folder = tmp_path / "multirun" / "depth"
    SweepPaths(folder).make()
    (folder / "multirun.yaml").write_text(CONFIG)
    study = optuna.create_study(
        storage=open_journal(SweepPaths(folder).journal), study_name="depth", direction="maximize"
    )
    for number, kind in enumerate(OUTCOMES):
        study.add_trial(
            ended(
                number,
                kind,
                folder,
                [0.9 - 0.01 * (number - 7) ** 2] if kind == "complete" else None,
            )
        )
    (folder / "7" / "checkpoints").mkdir(parents=True)
    (folder / "7" / "checkpoints" / "best.ckpt").write_bytes(b"weights")
    (folder / "7" / "result.json").write_text(json.dumps({"checkpoint": "checkpoints/best.ckpt"}))
    return folder


def table_of(server: WandbServer) -> dict[str, Any]:
    """Return the trials' table that was uploaded last."""
    name, *_ = [name for name in server.uploads if "/media/table/trials" in name]
    content = json.loads(server.uploads[name])
    assert isinstance(content, dict)
    return content


def test_the_study_is_a_run_of_its_own(server: WandbServer, sweep_folder: Path) -> None:
    log_once(sweep_folder, wandb_options(sweep_folder))
    run = server.run
    assert (run.display_name, run.group, run.job_type, run.state) == (
        "depth",
        "depth",
        "study",
        "finished",
    )
    assert run.tags == ["study"]
    assert run.config["objectives"] == {"val/accuracy": "maximize"}
    assert run.config["overrides"] == ["sweeps=depth"]
    assert run.values("trial") == list(range(12))
    assert run.values("outcome") == OUTCOMES
    scores = [0.9 - 0.01 * (number - 7) ** 2 for number in range(9)]
    assert run.values("score/val/accuracy") == pytest.approx(scores)
    best = [max(scores[: number + 1]) for number in range(9)]
    assert run.values("best/val/accuracy") == pytest.approx([*best, *[best[-1]] * 3])
    assert run.values("outcomes/pruned")[-1] == 1
    assert (run.summary["winner/trial"], run.summary["winner/run"]) == (7, "run7")
    assert run.summary["winner/folder"] == str(sweep_folder / "7")
    assert run.summary["winner/checkpoint"] == str(sweep_folder / "7" / "checkpoints" / "best.ckpt")
    assert read_run_file(sweep_folder)["id"] == run.id


def test_the_table_links_every_trial_to_its_run_folder_and_checkpoint(
    server: WandbServer, sweep_folder: Path
) -> None:
    log_once(sweep_folder, wandb_options(sweep_folder))
    table = table_of(server)
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    assert [row["outcome"] for row in rows] == OUTCOMES
    assert rows[7]["run"] == f"{server.url}/local/convsweep/runs/run7"
    assert rows[7]["folder"] == str(sweep_folder / "7")
    assert rows[7]["checkpoint"] == str(sweep_folder / "7" / "checkpoints" / "best.ckpt")
    assert (rows[7]["parameters"], rows[7]["depth"]) == (700, 2)
    assert (rows[10]["reason"], rows[10]["run"]) == ("it was infeasible", None)


def test_the_figures_of_the_report_are_panels(server: WandbServer, sweep_folder: Path) -> None:
    log_once(sweep_folder, wandb_options(sweep_folder))
    logged = {key for row in server.run.history for key in row if key.startswith("figures/")}
    costs = {
        "figures/cost_parameters",
        "figures/cost_MACs_a_sample",
        "figures/cost_seconds_of_training",
    }
    assert logged == {
        "figures/history",
        "figures/importance",
        "figures/parallel",
        "figures/timeline",
        *costs,
    }
    drawn = {
        name: content for name, content in server.uploads.items() if name.endswith(".plotly.json")
    }
    assert len(drawn) == len(logged)
    for content in drawn.values():
        assert json.loads(content)["data"]
        assert b'"@' not in content, "colours are those of the report's light page"
    assert palette()["accent"].startswith("#")


def test_two_objectives_have_a_front(server: WandbServer, sweep_folder: Path) -> None:
    SweepPaths(sweep_folder).journal.unlink()
    study = optuna.create_study(
        storage=open_journal(SweepPaths(sweep_folder).journal),
        study_name="depth",
        directions=["maximize", "minimize"],
    )
    config = CONFIG.replace(
        "direction: maximize", "direction: {val/accuracy: maximize, macs: minimize}"
    )
    (sweep_folder / "multirun.yaml").write_text(config)
    for number in range(4):
        study.add_trial(ended(number, "complete", sweep_folder, [0.1 * number, 10.0 * number]))
    log_once(sweep_folder, wandb_options(sweep_folder))
    assert server.run.values("best/macs") == [0.0] * 4
    assert server.run.values("best/val/accuracy") == pytest.approx([0.0, 0.1, 0.2, 0.3])
    assert any("figures/front" in row for row in server.run.history)


def test_the_winner_is_an_artifact_of_the_study(server: WandbServer, sweep_folder: Path) -> None:
    log_once(sweep_folder, wandb_options(sweep_folder))
    (artifact,) = [
        artifact for artifact in server.book.artifacts.values() if artifact.type == "model"
    ]
    assert artifact.name == "depth-best"
    assert {"best", "trial-7"} <= set(artifact.aliases)
    assert artifact.is_committed
    assert b"weights" in server.uploads.values()


def test_the_study_goes_on_as_the_same_run(server: WandbServer, sweep_folder: Path) -> None:
    log_once(sweep_folder, wandb_options(sweep_folder))
    study = optuna.load_study(
        study_name="depth", storage=open_journal(SweepPaths(sweep_folder).journal)
    )
    study.add_trial(ended(12, "complete", sweep_folder, [0.95]))
    log_once(sweep_folder, wandb_options(sweep_folder))
    assert server.run.values("trial") == list(range(13))
    assert server.run.summary["winner/trial"] == 12
    assert server.run.state == "finished"


def test_what_no_longer_holds_leaves_the_summary(server: WandbServer, sweep_folder: Path) -> None:
    study = optuna.load_study(
        study_name="depth", storage=open_journal(SweepPaths(sweep_folder).journal)
    )
    study.enqueue_trial({"lr": 0.01})
    log_once(sweep_folder, wandb_options(sweep_folder))
    assert (
        server.run.summary["outcomes/waiting"],
        server.run.summary["winner/params/net.depth"],
    ) == (1, 2)
    study.tell(study.ask({"lr": DISTRIBUTIONS["lr"]}), 0.95)
    log_once(sweep_folder, wandb_options(sweep_folder))
    assert server.run.summary["winner/params/lr"] == 0.01
    assert not {"outcomes/waiting", "winner/params/net.depth", "winner/folder"} & set(
        server.run.summary
    )


def test_offline_and_then_synced_it_is_the_same(
    server: WandbServer, sweep_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    log_once(sweep_folder, wandb_options(sweep_folder))
    assert server.runs == {}
    monkeypatch.delenv("WANDB_MODE")
    directory = sweep_folder / read_run_file(sweep_folder)["dir"]
    subprocess.run(
        [sys.executable, "-m", "wandb", "sync", str(directory)],
        check=True,
        capture_output=True,
        timeout=120,
    )
    run = server.run
    assert (run.id, run.group, run.job_type, run.state) == (
        read_run_file(sweep_folder)["id"],
        "depth",
        "study",
        "finished",
    )
    assert run.values("trial") == list(range(12))
    assert table_of(server)["data"][7][-3] == "run7"
    assert "depth-best" in {artifact.name for artifact in server.book.artifacts.values()}


def test_a_figure_that_fails_is_left_out(
    server: WandbServer,
    sweep_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("convsweep.review.wandb_study.panels.timeline_blocks", lambda sweep: 1 / 0)
    log_once(sweep_folder, wandb_options(sweep_folder))
    logged = {key for row in server.run.history for key in row}
    assert "figures/timeline" not in logged
    assert {"figures/history", "trials"} <= logged
    assert "the figure 'timeline' is left out" in caplog.text


def test_a_sweep_that_logs_otherwise_has_no_run(server: WandbServer, sweep_folder: Path) -> None:
    (sweep_folder / "multirun.yaml").write_text(
        CONFIG.replace("convsweep.tracking.WandbLogger", "null")
    )
    assert wandb_options(sweep_folder) is None
    with pytest.raises(UserError, match=r"the logger of .* is not W&B"):
        log_once(sweep_folder, wandb_options(sweep_folder))
    assert server.runs == {}


def test_a_folder_that_is_not_there_is_no_sweep_that_logs_otherwise(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere is not there"):
        log_once(tmp_path / "nowhere", None)


def test_a_sweep_without_trials_is_a_run_all_the_same(
    server: WandbServer, sweep_folder: Path
) -> None:
    SweepPaths(sweep_folder).journal.unlink()
    optuna.create_study(
        storage=open_journal(SweepPaths(sweep_folder).journal),
        study_name="depth",
        direction="maximize",
    )
    log_once(sweep_folder, wandb_options(sweep_folder))
    assert (server.run.state, server.run.values("trial")) == ("finished", [])


def test_a_sweep_that_is_at_work_or_has_failed_is_logged_as_it_stands(
    server: WandbServer, sweep_folder: Path
) -> None:
    SweepPaths(sweep_folder).journal.unlink()
    study = optuna.create_study(
        storage=open_journal(SweepPaths(sweep_folder).journal),
        study_name="depth",
        direction="maximize",
    )
    study.add_trial(ended(0, "error", sweep_folder, None))
    study.ask(DISTRIBUTIONS)
    log_once(sweep_folder, wandb_options(sweep_folder))
    assert server.run.values("outcome") == ["error"]
    assert [row[1] for row in table_of(server)["data"]] == ["error", "running"]
    assert {key for row in server.run.history for key in row if key.startswith("figures/")} == {
        "figures/timeline"
    }
    assert not any(key.startswith("winner/") for key in server.run.summary)


def test_who_follows_a_study_loads_neither_torch_nor_lightning() -> None:
    code = """
import sys, convsweep.review.wandb_study.follow, convsweep.review.wandb_study.panels
print({'torch', 'lightning'} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
