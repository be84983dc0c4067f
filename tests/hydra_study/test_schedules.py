"""Successive halving by promotion: who pauses, who goes on, who never will."""

from types import SimpleNamespace
from typing import Any

import pytest
from omegaconf import OmegaConf
from optuna.trial import FrozenTrial, TrialState, create_trial

from hydra_study import Promotion, StudyError, attributes
from hydra_study.config import PRUNERS, SCHEDULES, StudyConf
from hydra_study.read_spec import effective_config, read_options
from hydra_study.trials.sampling import find_overruled

NAN = float("nan")


def trial(number: int, *values: float, kind: str = "running", **attrs: Any) -> FrozenTrial:
    """Return a trial with these values at the steps 1, 2, ..."""
    states = {
        "complete": TrialState.COMPLETE,
        "pruned": TrialState.PRUNED,
        "error": TrialState.FAIL,
        "duplicate": TrialState.PRUNED,
    }
    own: dict[str, Any] = {attributes.PAUSED_AT: len(values)} if kind == "paused" else {}
    if kind in states:
        own = {attributes.KIND: kind}
    made = create_trial(
        state=states.get(kind, TrialState.RUNNING),
        value=values[-1] if kind == "complete" else None,
        intermediate_values=dict(enumerate(values, start=1)),
        user_attrs={**own, **attrs},
    )
    made.number = number
    return made


def paused(*values: float) -> list[FrozenTrial]:
    """Return trials that pause after one step."""
    return [trial(number, value, kind="paused") for number, value in enumerate(values)]


def numbers(trials: list[FrozenTrial]) -> list[int]:
    return [each.number for each in trials]


def test_rungs_grow_by_the_factor() -> None:
    schedule = Promotion(min_steps=2, reduction_factor=3)
    assert [schedule.rung(step) for step in (1, 2, 5, 6, 17, 18)] == [-1, 0, 0, 1, 1, 2]
    assert [schedule.steps_of(rung) for rung in range(4)] == [2, 6, 18, 54]


@pytest.mark.parametrize(
    ("chosen", "off"),
    [
        (["schedule"], "pruner"),
        (["pruner"], "schedule"),
        (["schedule", "pruner"], None),
        ([], None),
    ],
)
def test_the_command_line_chooses_between_pruner_and_schedule(
    chosen: list[str], off: str | None
) -> None:
    options = StudyConf(pruner=PRUNERS["median"], schedule=SCHEDULES["promotion"])
    overrides = [f"hydra/sweeper/{name}=x" for name in chosen]
    assert find_overruled(options, ["hydra/sweeper/sampler=x", *overrides]) == off
    assert find_overruled(StudyConf(pruner=PRUNERS["median"]), overrides) is None


def test_the_config_of_trials_keeps_what_the_command_line_overrules() -> None:
    # Hydra 1.4 refuses trials whose sweeper is not that of the sweep's config
    sweeper = {"pruner": PRUNERS["median"], "schedule": SCHEDULES["promotion"]}
    chosen = {"hydra": ["hydra/sweeper/schedule=promotion"]}
    config = OmegaConf.create({"hydra": {"sweeper": sweeper, "overrides": chosen}})
    before = OmegaConf.to_container(config)
    options = read_options(config)
    assert options.pruner == PRUNERS["none"]
    assert OmegaConf.to_container(config) == before
    spec: Any = SimpleNamespace(config=config, options=options)
    saved = effective_config(spec).hydra.sweeper
    assert (saved.pruner, saved.schedule) == (PRUNERS["none"], SCHEDULES["promotion"])
    assert OmegaConf.to_container(config) == before


@pytest.mark.parametrize("options", [{"min_steps": 0}, {"reduction_factor": 1}, {"max_paused": 0}])
def test_numbers_that_make_no_rungs_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(StudyError, match="must be at least 1, and reduction_factor at least 2"):
        Promotion(**options)


@pytest.mark.parametrize(
    ("value", "others", "pauses"),
    [
        (0.1, [], True),  # of one, a third is none
        (0.1, [0.2, 0.3], False),
        (0.25, [0.2, 0.3], True),
        (0.2, [0.2, 0.3], True),  # the older one of equals
        (0.1, [NAN, NAN], False),
        (NAN, [0.2, 0.3], True),
    ],
)
def test_a_trial_goes_on_at_once_among_the_best_third(
    value: float, others: list[float], pauses: bool
) -> None:
    assert Promotion().pauses(2, 1, value, paused(*others)) is pauses
    opposite = [-other for other in others]
    assert Promotion(direction="maximize").pauses(2, 1, -value, paused(*opposite)) is pauses


def test_between_rungs_nothing_pauses() -> None:
    trials = paused(0.1, 0.1)
    assert not Promotion().pauses(2, 2, 9.0, [*trials, trial(2, 9.0)])
    assert Promotion().pauses(2, 3, 9.0, [*trials, trial(2, 9.0, 9.0)])
    assert Promotion().pauses(2, 3, 9.0, [*trials, trial(2, 9.0, 9.0, 9.0)])
    assert not Promotion(min_steps=4).pauses(2, 3, 9.0, trials)


def test_a_report_that_passes_rungs_is_compared_at_the_highest() -> None:
    late = trial(0, kind="running")
    late.intermediate_values = {5: 0.3}
    schedule = Promotion()
    assert not schedule.pauses(1, 5, 0.2, [late, trial(2, 0.0, 0.0, 0.5)])
    assert schedule.pauses(1, 5, 0.4, [late, trial(2, 0.0, 0.0, 0.5)])


def test_the_best_of_the_highest_rung_is_promoted_first() -> None:
    low = paused(0.5, 0.1, 0.3, 0.2, 0.6, 0.7)
    assert Promotion().promotable(low) is low[1]
    gone = [*low[:1], trial(1, 0.1), *low[2:]]
    assert Promotion().promotable(gone) is low[3], "two of six go on, and one does already"
    high = [
        trial(number, 0.1, 0.1, value, kind="paused") for number, value in ((6, 3), (7, 1), (8, 2))
    ]
    assert Promotion().promotable([*low, *high]) is high[1]


def test_a_trial_is_promoted_only_from_the_rung_at_which_it_paused() -> None:
    trials = [trial(0, 0.1, 0.1, 0.9, kind="paused"), *paused(0.2, 0.3)]
    trials[1].number, trials[2].number = 1, 2
    assert Promotion().promotable(trials) is None, "the best of rung 0 has left it"


def test_at_the_end_one_of_the_highest_rung_goes_on() -> None:
    few = [*paused(0.4, 0.3), trial(2, 0.1, 0.1, 0.1, kind="paused")]
    assert Promotion().promotable(few) is None
    assert Promotion().promotable(few, room="one") is few[2]
    few[2] = trial(2, 0.1, 0.1, 0.1, 0.1, kind="complete")
    assert Promotion().promotable(few, room="one") is None


def test_with_room_for_all_the_best_of_the_highest_rung_goes_on_first() -> None:
    trials = [*paused(0.4, 0.3), trial(2, 0.1, 0.1, 0.9, kind="paused")]
    assert Promotion().promotable(trials, room="all") is trials[2]
    assert Promotion().promotable(trials[:2], room="all") is trials[1]
    best = trial(0, 0.1, 0.1, 0.1, kind="complete")
    assert Promotion().promotable([best, trial(1, 0.3, kind="paused")], room="one") is None
    assert Promotion().promotable([best, trials[1]], room="all") is trials[1]


@pytest.mark.parametrize("kind", ["error", "pruned"])
def test_a_trial_that_cannot_go_on_leaves_its_place(kind: str) -> None:
    trials = [trial(0, 0.1, kind=kind), trial(1, 0.2, kind="paused"), trial(2, 0.3)]
    assert Promotion().promotable(trials) is trials[1]
    assert not Promotion().pauses(3, 1, 0.2, [trials[0], trial(2, 0.3)])


@pytest.mark.parametrize(
    ("kind", "attrs"), [("error", {attributes.RETRIED: True}), ("duplicate", {})]
)
def test_what_another_trial_stands_for_is_not_counted(kind: str, attrs: dict[str, Any]) -> None:
    trials = [*paused(0.5, 0.6), trial(2, 0.1, kind=kind, **attrs)]
    assert Promotion().promotable(trials) is None
    assert Promotion().pauses(3, 1, 0.4, trials[1:])


def test_who_has_enough_better_ones_is_hopeless() -> None:
    schedule = Promotion()
    trials = paused(0.5, 0.1, 0.3, 0.2)
    assert schedule.hopeless(trials, None) == []
    assert numbers(schedule.hopeless(trials, 9)) == [0], "3 of 9 can go on"
    assert numbers(schedule.hopeless(trials, 6)) == [2, 0]
    assert numbers(schedule.hopeless(trials, 1)) == [3, 2, 0], "the best one always can"


def test_a_limit_bounds_what_waits_at_each_rung() -> None:
    high = [trial(4 + n, 0.1, 0.1, n / 10, kind="paused") for n in range(3)]
    trials = [*paused(0.5, 0.1, 0.3, 0.2), *high]
    assert numbers(Promotion(max_paused=2).hopeless(trials, None)) == [2, 0, 6]


@pytest.mark.parametrize("n_trials", [1, 5, 30, 81])
def test_what_waits_is_bounded_and_one_trial_reaches_the_end(n_trials: int) -> None:
    """Replay one slot: every trial has a constant value, and trains 27 steps."""
    schedule, trials, steps = Promotion(), list[FrozenTrial](), 0
    while True:
        begun = len(trials)
        one = schedule.promotable(trials, room="one" if begun == n_trials else "share")
        if one is None and begun == n_trials:
            break
        if one is None:
            one = trial(begun)
            trials.append(one)
        one.user_attrs[attributes.PAUSED_AT] = None
        value = (one.number * 37 % 101) / 101
        for step in range(len(one.intermediate_values) + 1, 28):
            steps += 1
            one.intermediate_values[step] = value
            if step < 27 and schedule.pauses(one.number, step, value, trials):
                one.user_attrs[attributes.PAUSED_AT] = step
                break
        else:
            trials[one.number] = trial(one.number, *[value] * 27, kind="complete")
        for lost in schedule.hopeless(trials, n_trials):
            trials[lost.number] = trial(
                lost.number, *lost.intermediate_values.values(), kind="pruned"
            )
        waiting = [schedule.rung(t.user_attrs.get(attributes.PAUSED_AT) or 0) for t in trials]
        assert all(waiting.count(rung) <= max(1, n_trials // 3) for rung in range(4))
    complete = [each for each in trials if each.state == TrialState.COMPLETE]
    best = min(each.intermediate_values[1] for each in trials)
    assert best in [each.value for each in complete]
    assert steps < max(28, 27 * n_trials // 3)
