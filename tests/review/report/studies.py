"""Studies as the sweeper leaves them, made in a moment: a conditional space, all kinds of outcome,
any number of trials.
"""

import math
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from hydra_study.paths import SweepPaths
from hydra_study.storage.journal import open_journal

SPACE = {
    "model.net.num_stages": {"kind": "int", "low": 1, "high": 3},
    "model.net.width": {"choices": [8, 16, 32]},
    "model.net.skip": {"choices": ["none", "add"]},
    "$kernel_3": {"choices": [3, 5, 7], "when": "model.net.num_stages >= 3"},
    "optimizer.lr": {"kind": "float", "low": 1e-4, "high": 1e-1, "log": True},
    "logger": {"fixed": "none"},
}
DISTRIBUTIONS = {
    "model.net.num_stages": IntDistribution(1, 3),
    "model.net.width": CategoricalDistribution([8, 16, 32]),
    "model.net.skip": CategoricalDistribution(["none", "add"]),
    "$kernel_3": CategoricalDistribution([3, 5, 7]),
    "optimizer.lr": FloatDistribution(1e-4, 1e-1, log=True),
}
MULTIRUN = """
monitor: {metric: val/accuracy, mode: max}
hydra:
  sweeper:
    direction: DIRECTION
    n_trials: 40
    sampler: {_target_: optuna.samplers.TPESampler, n_startup_trials: 10}
    pruner: {_target_: optuna.pruners.MedianPruner, n_startup_trials: 5}
  job: {name: train}
  overrides: {task: [sweeps=made, logger=none], hydra: [hydra.mode=MULTIRUN]}
  runtime: {choices: {data: digits, model: classification, model/net: cnn_small}}
"""
START = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
REASONS = {
    "pruned": "stopped by the pruner on val/accuracy",
    "infeasible": "stage 3 of 3 cannot be built: 1x1 is too small",
    "diverged": "the training loss must stay finite, but is nan in epoch 2",
    "error": "ValueError: <script>alert('from a reason')</script> </script>",
    "killed": "killed by signal 9",
}
STATES = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "infeasible": TrialState.PRUNED,
    "diverged": TrialState.PRUNED,
    "running": TrialState.RUNNING,
    "paused": TrialState.RUNNING,
}


def draw_params(generator: random.Random) -> dict[str, Any]:
    """Return a point of the space."""
    params: dict[str, Any] = {
        "model.net.num_stages": generator.randint(1, 3),
        "model.net.width": generator.choice([8, 16, 32]),
        "model.net.skip": generator.choice(["none", "add"]),
        "optimizer.lr": 10 ** generator.uniform(-4, -1),
    }
    if params["model.net.num_stages"] == 3:
        params["$kernel_3"] = generator.choice([3, 5, 7])
    return params


def score_of(params: dict[str, Any], generator: random.Random) -> float:
    """Return a score that the learning rate decides, the stages help, and nothing else touches."""
    bowl = 0.9 - 0.2 * (math.log10(params["optimizer.lr"]) + 2.0) ** 2
    return bowl + 0.02 * params["model.net.num_stages"] + generator.gauss(0, 0.005)


def make_trial(index: int, kind: str, objectives: int, generator: random.Random) -> FrozenTrial:
    """Return the trial of an index, which lies in time where its slot has reached."""
    params = draw_params(generator)
    score = score_of(params, generator)
    weights = 100 * params["model.net.width"] ** 2 * params["model.net.num_stages"]
    seconds = 20 + weights / 5000
    start = START + timedelta(seconds=60 * (index // 2))
    info: dict[str, Any] = {
        "worker": "20260102-030400-1-0-aa",
        "slot": index % 2,
        "session": "20260102-030400-1",
        "hash": str(index),
        "params": weights,
        "macs": 20 * weights,
        "summary": f"ConvNet: {weights / 1000:.3g} k parameters, 1 MMACs",
        "overrides": [f"optimizer.lr={params['optimizer.lr']}"],
    }
    epochs = {"complete": 12, "pruned": 3, "running": 2, "paused": 3}.get(kind, 0)
    state = STATES.get(kind, TrialState.FAIL)
    if state.is_finished():
        info |= {"kind": kind, "seconds": round(seconds, 3)}
    if kind == "paused":
        info |= {"paused_at": 3, "seconds": round(seconds, 3)}
    if kind in REASONS:
        info["reason"] = REASONS[kind]
    if kind == "error":
        info["traceback"] = "Traceback (most recent call last):\nValueError: </script> & more"
    trial = create_trial(
        state=state,
        values=[score, float(20 * weights)][:objectives] if kind == "complete" else None,
        params=params,
        distributions={name: DISTRIBUTIONS[name] for name in params},
        user_attrs=info,
        intermediate_values={epoch: score * (1 - 0.6**epoch) for epoch in range(1, epochs + 1)},
    )
    trial.datetime_start = start
    trial.datetime_complete = start + timedelta(seconds=seconds) if state.is_finished() else None
    return trial


def make_trials(kinds: list[str], objectives: int = 1) -> list[FrozenTrial]:
    """Return trials of these kinds, the same ones every time."""
    generator = random.Random(7)
    return [make_trial(index, kind, objectives, generator) for index, kind in enumerate(kinds)]


def mixed(count: int) -> list[str]:
    """Return the kinds of many trials: half complete, others of every kind."""
    others = ["pruned", "pruned", "infeasible", "pruned", "diverged", "error", "pruned", "killed"]
    return [
        "complete" if index % 2 == 0 else others[(index // 2) % len(others)]
        for index in range(count)
    ]


def make_sweep(folder: Path, kinds: list[str], objectives: int = 1, name: str = "made") -> Path:
    """Write the folder of a sweep with trials of these kinds, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    direction = "maximize" if objectives == 1 else "{val/accuracy: maximize, macs: minimize}"
    (folder / "multirun.yaml").write_text(MULTIRUN.replace("DIRECTION", direction))
    directions: list[Any] = ["maximize", "minimize"][:objectives]
    study = optuna.create_study(
        study_name=name, directions=directions, storage=open_journal(SweepPaths(folder).journal)
    )
    study.set_user_attr("space", SPACE)
    study.add_trials(make_trials(kinds, objectives))
    return folder
