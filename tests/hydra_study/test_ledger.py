"""Incremental counts of trials equal counts from scratch."""

from types import SimpleNamespace
from typing import Any

from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from hydra_study import attributes
from hydra_study.objectives import parse_objectives
from hydra_study.trials.budget import Ledger, tally
from hydra_study.trials.duplicates import DuplicateIndex

OBJECTIVES = parse_objectives("maximize", None)
KINDS = ("complete", "pruned", "infeasible", "running", "killed", "duplicate", "waiting")
STATES = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "infeasible": TrialState.PRUNED,
    "killed": TrialState.FAIL,
    "duplicate": TrialState.FAIL,
    "running": TrialState.RUNNING,
    "waiting": TrialState.WAITING,
}


def trial(number: int, kind: str) -> FrozenTrial:
    """Return a trial in this state."""
    facts: dict[str, Any] = {} if kind in ("running", "waiting") else {attributes.KIND: kind}
    if kind == "killed":
        facts[attributes.RETRIED] = number % 2 == 0
    facts |= {
        attributes.HASH: str(number // 2),
        attributes.OVERRIDES: [f"x={number // 3}"],
        attributes.SESSION: "now",
    }
    value = float(number * 7 % 11) if kind == "complete" else None
    distributions = {"x": FloatDistribution(0, 1)}
    made = create_trial(
        state=STATES[kind],
        value=value,
        params={"x": 0.5},
        distributions=distributions,
        user_attrs=facts,
    )
    made.number = number
    return made


def histories() -> list[list[FrozenTrial]]:
    """Return a study as it grows: trials begin one after the other and end two steps later."""
    ends = [KINDS[number % len(KINDS)] for number in range(30)]
    return [
        [
            trial(number, ends[number] if number < length - 2 else "running")
            for number in range(length)
        ]
        for length in range(1, 31)
    ]


def test_a_ledger_equals_a_count_from_scratch() -> None:
    ledger = Ledger(OBJECTIVES)
    for trials in histories():
        counted, anew = ledger.tally(trials), tally(trials, OBJECTIVES)
        assert +counted.kinds == +anew.kinds
        assert counted.charged == anew.charged
        assert (counted.best and counted.best.number) == (anew.best and anew.best.number)


def test_the_index_of_duplicates_equals_a_search_from_scratch() -> None:
    followed: list[FrozenTrial] = []
    study: Any = SimpleNamespace(get_trials=lambda deepcopy: list(followed))
    known = DuplicateIndex(study, "now")
    for trials in histories():
        followed[:] = trials
        for number in range(len(trials) + 1):
            anew, identity, point = (
                DuplicateIndex(study, "now"),
                str(number // 2),
                [f"x={number // 3}"],
            )
            found, same = known.results(number, identity), known.same_point(number, point)
            assert [one.number for one in found] == [
                one.number for one in anew.results(number, identity)
            ]
            assert (same and same.number) == (
                (again := anew.same_point(number, point)) and again.number
            )
            for one in found:
                assert one.number != number
                assert one.state != TrialState.FAIL
