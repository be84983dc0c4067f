"""A study in a database is read in rows as Optuna reads it, over one connection, and says when there is none."""

from contextlib import nullcontext
from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from hydra_plugins.study.search import database, remembered
from hydra_plugins.study.search.database import Database
from hydra_plugins.study.search.errors import StudyError
from hydra_plugins.study.search.remembered import Remembered

from .postgresql import server

SPACE = {
    "lr": FloatDistribution(1e-5, 1.0, log=True),
    "depth": IntDistribution(1, 9, step=2),
    "norm": CategoricalDistribution(["batch", None, 3]),
}


def fill(storage: Database) -> int:
    """Tell a study of trials of all states and values, and return its id."""
    study = optuna.create_study(storage=storage, study_name="app", directions=["minimize", "maximize"])
    for number in range(8):
        params = {"lr": 0.1 / (number + 1), "depth": 1 + 2 * (number % 4), "norm": ["batch", None, 3][number % 3]}
        chosen = list(SPACE)[: number % 4]
        study.add_trial(
            create_trial(
                state=TrialState.COMPLETE,
                values=[float("inf") if number == 3 else number / 7, float("-inf") if number == 4 else 2.0],
                params={name: params[name] for name in chosen},
                distributions={name: SPACE[name] for name in chosen},
                user_attrs={"kind": "complete", "overrides": ["a=1", "b=ü"], "seconds": 1.5, "none": None},
                intermediate_values={5: float("nan"), 0: float("inf"), 2: -1.0},
            )
        )
    study.enqueue_trial({"depth": 3}, user_attrs={"retry_of": 2})
    study.tell(study.ask({"lr": SPACE["lr"]}), state=TrialState.FAIL)
    study.ask({"lr": SPACE["lr"]})
    study.enqueue_trial({"depth": 5})
    other = optuna.create_study(storage=storage, study_name="another")
    other.tell(other.ask(), 1.0)
    return study._study_id


def told(trials: list[FrozenTrial]) -> list[dict[str, object]]:
    """Return all that is known of trials, to be compared; a report that is no number equals itself."""
    return [vars(trial) | {"intermediate_values": repr(sorted(trial.intermediate_values.items()))} for trial in trials]


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.both_modes)])
def test_trials_are_those_that_optuna_reads(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with server() if kind == "postgresql" else nullcontext(f"sqlite:///{tmp_path}/study.db") as url:
        ours = Database(url.replace("postgresql:", "postgresql+psycopg:"))
        study_id = fill(ours)
        for most_named in (500, 2):
            monkeypatch.setattr(database, "_MOST_NAMED", most_named)
            for which in [
                (None, set(), -1),
                (None, {1, 4}, 6),
                ((TrialState.COMPLETE, TrialState.WAITING), {2}, 7),
                (None, set(), 99),
            ]:
                read, expected = ours._get_trials(study_id, *which), RDBStorage._get_trials(ours, study_id, *which)
                assert told(read) == told(expected)
                assert [list(trial.params) for trial in read] == [list(trial.params) for trial in expected], "in their order"
        assert len(ours._get_trials(study_id, None, set(), -1)) == 11
        assert told([ours.get_trial(10)]) == told([RDBStorage.get_trial(ours, 10)])
        with pytest.raises(KeyError):
            ours.get_trial(99)
        assert ours.engine.pool.checkedin() == 1, "databases have few connections"
        ours.remove_session()
        ours.engine.dispose()


def test_a_database_without_a_connection_left_says_what_to_do() -> None:
    with server("-c max_connections=2 -c superuser_reserved_connections=0") as url:
        url = url.replace("postgresql:", "postgresql+psycopg:")
        opened = [Database(url, is_made=is_made) for is_made in (False, True)]
        with pytest.raises(StudyError, match="but got 'too many clients'; raise its max_connections, or let fewer"):
            Database(url, is_made=True)
        for one in opened:
            one.engine.dispose()


def test_only_what_others_have_ended_may_be_learnt_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    databases = [Database(f"sqlite:///{tmp_path}/study.db") for _ in range(2)]
    mine, other = (optuna.create_study(storage=Remembered(one), study_name="app", load_if_exists=True) for one in databases)

    def complete() -> list[int]:
        return [trial.number for trial in mine.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))]

    monkeypatch.setattr(remembered, "_LATE_S", 1000.0)
    mine.tell(mine.ask(), 1.0)
    assert complete() == [0]
    first, second = other.ask(), mine.ask()
    other.tell(first, 1.0)
    assert complete() == [0], "it was read a moment ago"
    mine.tell(second, 1.0)
    assert complete() == [0, 1, 2], "what it told itself it knows, and what came before"
    other.tell(other.ask(), 1.0)
    assert complete() == [0, 1, 2]
    assert len(mine.get_trials(deepcopy=False)) == 4, "all trials are always those of the database"
    other.tell(other.ask(), 1.0)
    monkeypatch.setattr(remembered, "_LATE_S", 0.0)
    assert complete() == [0, 1, 2, 3, 4]
    for one in databases:
        one.remove_session()
        one.engine.dispose()
