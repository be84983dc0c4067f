"""A search ends once it no longer gains more than the noise."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial

from hydra_study import StudyError, attributes
from hydra_study.config import StudyConf
from hydra_study.objectives import parse_objectives
from hydra_study.paths import SweepPaths
from hydra_study.storage.storage import create_study
from hydra_study.trials.ask import Asker
from hydra_study.trials.early_stopping import (
    EarlyStopping,
    parse_early_stopping,
    standard_error_of_repeats,
)
from hydra_study.trials.outcomes import Outcome, parse_policies
from hydra_study.trials.tell import Teller


def trials_of(values: list[float], **attrs: list[Any]) -> list[FrozenTrial]:
    """Return complete trials with these values, and attributes."""
    study = optuna.create_study()
    for index, value in enumerate(values):
        trial = study.ask()
        for name, given in attrs.items():
            if given[index] is not None:
                trial.set_user_attr(name, given[index])
        study.tell(trial, value)
    return study.trials


def spec_of(folder: Path, **options: Any) -> Any:
    """Return a sweep with some options."""
    return SimpleNamespace(
        options=StudyConf(study_name="app", **options),
        objectives=parse_objectives("minimize", None),
        paths=SweepPaths(folder),
        session="session",
    )


@pytest.mark.parametrize(
    ("values", "min_delta", "ends"),
    [
        ([3.0, 2.0, 2.5, 2.5], 0.0, True),
        ([3.0, 2.0, 2.5, 1.9], 0.0, False),
        ([3.0, 2.0, 2.5, 1.9], 0.2, True),
        ([3.0, 2.0], 9.0, False),  # fewer than the patience and one more
    ],
)
def test_small_gains_do_not_count(values: list[float], min_delta: float, ends: bool) -> None:
    rule = EarlyStopping(2, min_delta, maximizes=False)
    assert (rule.reason(trials_of(values)) is not None) == ends
    opposite = EarlyStopping(2, min_delta, maximizes=True)
    assert (opposite.reason(trials_of([-value for value in values])) is not None) == ends


def test_noise_is_the_pooled_standard_error_of_a_trials_value() -> None:
    networks = [*"aabbb", "c"]
    single = trials_of([1.0, 3.0, 5.0, 5.0, 8.0, 0.0], hash=networks)
    assert standard_error_of_repeats(single) == pytest.approx(((1 * 2 + 2 * 3) / 3) ** 0.5)
    means = trials_of([2.0], trainings=[[[1.0], [2.0], [3.0]]])
    assert standard_error_of_repeats(means) == pytest.approx(1 / 3**0.5)
    finalists = trials_of([1.0, 9.0], hash=["a", "a"], finalist_of=[None, 0])
    assert standard_error_of_repeats(finalists) is None


def test_no_trial_begins_but_finalists_and_retries_do(tmp_path: Path) -> None:
    spec = spec_of(
        tmp_path,
        n_trials=None,
        early_stopping={"patience": 2, "min_delta": 0.5},
        finalists={"top": 1, "seeds": 1},
    )
    spec.paths.make()
    storage = optuna.storages.InMemoryStorage()
    study = create_study(storage, "app", spec.objectives)
    teller = Teller(study, spec.paths, parse_policies({"killed": "retry 1"}), "*.ckpt")
    space: Any = None
    asker = Asker(study, space, spec, "worker", teller, None)
    outcomes = [Outcome("complete", [value]) for value in (3.0, 2.0, 1.9, 1.8)]
    outcomes.insert(3, Outcome("killed"))
    outcomes += [Outcome("complete", [7.0]), Outcome("complete", [7.0])]
    asked = []
    while (trial := asker.ask(0, 0.0)) is not None:
        asked.append(trial)
        if len(asked) == 4:  # begun before the search ends, and retried after
            late = asker.ask(0, 0.0)
            assert late is not None
            asked.append(late)
            teller.tell(study.trial(late.number), Outcome("complete", [1.8]))
        teller.tell(study.trial(trial.number), outcomes[trial.number])
    assert asker.over is not None
    assert asker.over.startswith("early stopping: the last 2 trials improved the best value by 0.1")
    kinds = [trial.user_attrs[attributes.KIND] for trial in study.trials]
    assert kinds == [*["complete"] * 3, "killed", *["complete"] * 3]
    assert [attributes.FINALIST_OF in trial.user_attrs for trial in study.trials][-2:] == [
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (3, "must be null or {patience"),
        ({"min_delta": 0.1}, "must be null or {patience"),
        ({"patience": 0, "min_delta": 0.1}, "must be null or {patience"),
        ({"patience": 3, "min_delta": -1.0}, "must be null or {patience"),
        ({"patience": 3}, "set min_delta, or hydra.sweeper.repeat=2"),
    ],
)
def test_what_it_cannot_do_is_refused(tmp_path: Path, given: Any, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        parse_early_stopping(spec_of(tmp_path, early_stopping=given))
