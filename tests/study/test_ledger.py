"""What is counted once is counted as if it were counted anew, and a journal keeps what a power cut must not take."""

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from hydra_plugins.study.search import attributes, journal
from hydra_plugins.study.search.budget import Ledger, tally
from hydra_plugins.study.search.journal import open_journal
from hydra_plugins.study.search.known import Known
from hydra_plugins.study.search.objectives import parse_objectives
from hydra_plugins.study.search.storage import create_study

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
    """Return a trial that stands so."""
    facts: dict[str, Any] = {} if kind in ("running", "waiting") else {attributes.KIND: kind}
    if kind == "killed":
        facts[attributes.RETRIED] = number % 2 == 0
    facts |= {attributes.HASH: str(number // 2), attributes.OVERRIDES: [f"x={number // 3}"], attributes.SESSION: "now"}
    value = float(number * 7 % 11) if kind == "complete" else None
    distributions = {"x": FloatDistribution(0, 1)}
    made = create_trial(state=STATES[kind], value=value, params={"x": 0.5}, distributions=distributions, user_attrs=facts)
    made.number = number
    return made


def histories() -> list[list[FrozenTrial]]:
    """Return a study as it grows: trials begin one after the other and end two steps later."""
    ends = [KINDS[number % len(KINDS)] for number in range(30)]
    return [
        [trial(number, ends[number] if number < length - 2 else "running") for number in range(length)] for length in range(1, 31)
    ]


def test_a_ledger_counts_as_one_would_count_anew() -> None:
    ledger = Ledger(OBJECTIVES)
    for trials in histories():
        counted, anew = ledger.tally(trials), tally(trials, OBJECTIVES)
        assert +counted.kinds == +anew.kinds
        assert counted.charged == anew.charged
        assert (counted.best and counted.best.number) == (anew.best and anew.best.number)


def test_what_is_known_is_what_one_would_find_anew() -> None:
    followed: list[FrozenTrial] = []
    study: Any = SimpleNamespace(get_trials=lambda deepcopy: list(followed))
    known = Known(study, "now")
    for trials in histories():
        followed[:] = trials
        for number in range(len(trials) + 1):
            anew, identity, point = Known(study, "now"), str(number // 2), [f"x={number // 3}"]
            found, same = known.results(number, identity), known.same_point(number, point)
            assert [one.number for one in found] == [one.number for one in anew.results(number, identity)]
            assert (same and same.number) == ((again := anew.same_point(number, point)) and again.number)
            for one in found:
                assert one.number != number
                assert one.state != TrialState.FAIL


def test_the_disk_is_waited_for_where_a_trial_may_train_and_where_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines_on_disk: list[int] = []
    path = tmp_path / "study.journal"
    monkeypatch.setattr(journal.os, "fsync", lambda file: lines_on_disk.append(len(path.read_text().splitlines())))
    study = create_study(open_journal(path), "s", OBJECTIVES)
    begun = lines_on_disk[-1]
    assert begun == len(path.read_text().splitlines())
    study.enqueue_trial({"x": 0.5})
    asked = study.ask()
    asked.suggest_float("x", 0, 1)
    assert lines_on_disk[-1] == begun, "a trial that has not trained has left nothing"
    asked.set_user_attr(attributes.HASH, "0")
    leave = len(path.read_text().splitlines())
    assert lines_on_disk[-1] == leave
    asked.set_user_attr("a", 1)
    asked.report(0.5, 1)
    assert lines_on_disk[-1] == leave, "lines of a running trial wait for the next one that must be kept"
    study.tell(asked, 1.0)
    lines = path.read_text().splitlines()
    assert lines_on_disk[-1] == len(lines)
    assert all(json.loads(line) for line in lines)
    assert os.path.getsize(path) > 0
