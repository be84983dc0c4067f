"""Random points at the start are counted by trials that trained."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import optuna
import pytest
from optuna.trial import TrialState

from hydra_study import attributes
from hydra_study.config import SAMPLERS
from hydra_study.trials.sampling import build_sampler, count_worker
from hydra_study.trials.startup import num_trained_at_random


def begin(sampler: str) -> optuna.Study:
    """Return a study with the sampler of a worker that starts after 4 random points."""
    options = SimpleNamespace(sampler={**SAMPLERS[sampler], "n_startup_trials": 4, "seed": 0})
    spec: Any = SimpleNamespace(options=options, prior=[])
    return optuna.create_study(sampler=build_sampler(spec, 0, 0, says_so=False))


def end(study: optuna.Study, trial: optuna.Trial, kind: str) -> None:
    """Tell a trial's outcome as `Teller` does."""
    trial.set_user_attr(attributes.KIND, kind)
    complete = kind == "complete"
    study.tell(
        trial, trial.params["x"] if complete else None, None if complete else TrialState.PRUNED
    )


@pytest.mark.parametrize("sampler", ["tpe", "gp", "cmaes"])
def test_queued_and_refused_points_are_not_start_up_points(
    sampler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = begin(sampler)
    asked: list[int] = []
    inner = study.sampler.sampler  # type: ignore[attr-defined]
    infer = inner.infer_relative_search_space
    monkeypatch.setattr(
        inner,
        "infer_relative_search_space",
        lambda study, trial: (asked.append(trial.number), infer(study, trial))[1],
    )
    for _ in range(3):
        study.enqueue_trial({"x": 0.5, "y": 0.5})
    kinds = ["complete"] * 3 + ["infeasible", "complete"] * 4 + ["complete"]
    for kind in kinds:
        trial = study.ask()
        trial.suggest_float("x", 0, 1)
        trial.suggest_float("y", 0, 1)
        end(study, trial, kind)
    assert asked == [len(kinds) - 1], "3 queued, 4 refused, and the 4 that count come before"


def test_random_points_instead_of_those_of_the_sampler_are_start_up_points() -> None:
    study = begin("tpe")
    for _ in range(3):
        study.enqueue_trial({"x": 0.5}, user_attrs={attributes.DRAWN: True})
        trial = study.ask()
        trial.suggest_float("x", 0, 1)
        end(study, trial, "complete")
    assert num_trained_at_random(study.trials) == 3


def test_random_points_repeat_with_the_seed_and_differ_from_the_samplers_own() -> None:
    first, again = begin("gp"), begin("gp")
    inner = first.sampler.sampler  # type: ignore[attr-defined]
    points = [[study.ask().suggest_float("x", 0, 1) for _ in range(3)] for study in (first, again)]
    assert points[0] == points[1]
    alone = optuna.create_study(sampler=inner)
    assert points[0][0] != alone.ask().suggest_float("x", 0, 1)


def test_workers_of_starts_at_the_same_time_draw_other_points(tmp_path: Path) -> None:
    class Study:
        user_attrs: ClassVar[dict[str, Any]] = {}
        patience = None
        set_user_attr = user_attrs.__setitem__

    study: Any = Study()
    spec: Any = SimpleNamespace(paths=SimpleNamespace(ask_lock=tmp_path / "lock"))
    assert [count_worker(study, spec) for _ in range(3)] == [0, 1, 2]
    options = SimpleNamespace(sampler={**SAMPLERS["random"], "seed": 0})
    spec = SimpleNamespace(options=options, prior=[])
    drawn = {
        optuna.create_study(sampler=build_sampler(spec, number, 0, says_so=False))
        .ask()
        .suggest_float("x", 0, 1)
        for number in range(3)
    }
    assert len(drawn) == 3
