"""Figures of a report are correct: ranks, fronts, importances, medians, pauses."""

import random
from datetime import timedelta
from typing import Any

import pytest
from omegaconf import OmegaConf
from optuna.trial import TrialState, create_trial

from convsweep.review.report.pages.compare import best_after, leader
from convsweep.review.report.rendering.blocks import Text
from convsweep.review.report.rendering.scales import bins, scale_of
from convsweep.review.report.rendering.score_axis import shown_range
from convsweep.review.report.rendering.thinning import evenly, thin_out
from convsweep.review.report.sections.curves import curve_blocks, early_blocks
from convsweep.review.report.sections.effects import effect_of
from convsweep.review.report.sections.history import improvements
from convsweep.review.report.sections.importance import importances
from convsweep.review.report.sections.outcomes import reason_rows
from convsweep.review.report.sections.search_summary import budget
from convsweep.review.report.sections.summary import repetition_noise
from convsweep.review.report.sections.timeline import lay_out_bars
from convsweep.review.report.sections.tradeoff import cheapest
from convsweep.review.report.sections.trials_table import reason_of
from convsweep.review.study import Sweep, objective_names
from tests.review.report.conftest import MakeSweep
from tests.review.report.studies import DISTRIBUTIONS, START, make_trials, mixed


def sweep_of(trials: list[Any], maximise: tuple[bool, ...] = (True,)) -> Sweep:
    for number, trial in enumerate(trials):
        trial.number = number
    return Sweep("made", maximise, trials, {}, None, OmegaConf.create())


def complete(*values: float, **info: Any) -> Any:
    return create_trial(values=values, user_attrs={"kind": "complete", **info})


def test_the_best_is_the_first_of_the_best_and_repetitions_do_not_count() -> None:
    trials = [
        complete(0.1),
        complete(0.3),
        complete(0.3),
        create_trial(value=0.9, user_attrs={"kind": "duplicate"}),
    ]
    sweep = sweep_of(trials)
    assert sweep.best is not None
    assert sweep.best.number == 1
    assert improvements(sweep) == [(0, 0.1), (1, 0.3)]
    assert improvements(sweep, trials=sweep.complete[::-1]) == [(2, 0.3)]
    least = sweep_of(trials, (False,)).best
    assert least is not None
    assert least.number == 0


def test_finalists_choose_the_best_and_are_no_scores_of_their_own() -> None:
    again = [
        complete(value, finalist_of=number, repetition=repetition)
        for number, values in enumerate([(0.5, 0.6), (0.8, 0.7)])
        for repetition, value in enumerate(values, 1)
    ]
    sweep = sweep_of([complete(0.9), complete(0.85), *again])
    assert sweep.best is sweep.trials[1]
    assert len(sweep.complete) == 2


def test_the_value_that_optuna_gives_a_pruned_trial_is_no_score(made: MakeSweep) -> None:
    pruned = create_trial(state=TrialState.PRUNED, value=0.99, user_attrs={"kind": "pruned"})
    assert sweep_of([complete(0.5), pruned]).ranked[0].number == 0


def test_early_values_are_ranked_against_the_last_one() -> None:
    trials = [complete(0.0) for _ in range(10)]
    for place, trial in enumerate(trials):
        trial.intermediate_values = {1: -place, 2: 0.0, 3: place, 4: place}
    (text,) = early_blocks(sweep_of(trials), maximize=True)
    assert isinstance(text, Text)
    assert "after epoch 1: -1.00, 3: 1.00. From epoch 3 on, the best trial" in text.text
    assert early_blocks(sweep_of(trials[3:]), maximize=True) == []


def test_the_budget_names_every_limit() -> None:
    given = {"n_trials": 9, "target": 0.5, "early_stopping": {"patience": 3, "min_delta": 0.0}}
    config = OmegaConf.create({"hydra": {"sweeper": given}})
    sweep = Sweep("made", (True,), [complete(0.1)], {}, None, config)
    assert budget(sweep).startswith("1 of 9 trials, until ")
    assert budget(sweep).endswith("0.5, at most 3 without a gain")


def test_a_paused_trial_is_shown_where_it_waits(made: MakeSweep) -> None:
    sweep = made(["complete", "paused", "paused"])
    assert reason_of(sweep.trials[1]) == "paused after step 3"
    assert (sweep.kinds["paused"], sweep.num_charged, sweep.is_running) == (2, 3, False)
    assert any(trace.get("mode") == "markers" for trace in curve_blocks(sweep)[0].data)


def test_the_front_holds_what_none_beats() -> None:
    generator = random.Random(0)
    points = [(generator.random(), generator.random()) for _ in range(60)]
    sweep = sweep_of([complete(*point) for point in points], (True, False))
    beaten = {
        index
        for index, (up, down) in enumerate(points)
        if any(u >= up and d <= down and (u, d) != (up, down) for u, d in points)
    }
    assert {trial.number for trial in sweep.front} == set(range(60)) - beaten


def test_the_parameter_that_decides_is_found_and_one_without_effect_is_called_chance(
    made: MakeSweep,
) -> None:
    sweep = made(["complete"] * 120)
    found = importances(sweep)
    assert found is not None
    assert found.items[0].name == "optimizer.lr"
    assert found.items[0].is_clear
    by_name = {item.name: item for item in found.items}
    assert not by_name["model.net.skip"].is_clear
    assert sum(item.share for item in found.items) == pytest.approx(1)
    assert found.num_trials == 120
    assert found.num_top == 12
    assert (
        by_name["$kernel_3"].num_trials
        == sum("$kernel_3" in trial.params for trial in sweep.trials)
        < 120
    )
    assert importances(made(["complete"] * 7, name="few")) is None


def test_the_effect_of_a_parameter_names_its_best_values(made: MakeSweep) -> None:
    effect = effect_of(made(["complete"] * 120), "optimizer.lr")
    assert effect is not None
    low, _, high = effect.best.partition(" ")[0].partition("..")
    assert float(low) <= 1e-2 <= float(high)
    assert effect.worst.startswith("0.0001")


def test_bins_hold_every_trial_once(made: MakeSweep) -> None:
    sweep = made(mixed(60))
    for name in sweep.searched_params:
        own = sorted(
            trial.number
            for part in bins(scale_of(sweep, name), sweep.complete)
            for trial in part.trials
        )
        assert own == [trial.number for trial in sweep.complete if name in trial.params]
    assert scale_of(sweep, "optimizer.lr").log
    assert scale_of(sweep, "model.net.width").groups == (8, 16, 32)


def test_sweeps_of_unlike_budgets_are_compared_after_trials_that_count(made: MakeSweep) -> None:
    sweep = made(["infeasible", "complete", "infeasible", "complete", "complete"])
    scores = [trial.values[0] for trial in sweep.complete]
    assert [best_after(sweep, count) for count in (1, 2, 3)] == [
        scores[0],
        max(scores[:2]),
        max(scores),
    ]


def test_the_leader_of_two_has_the_better_best() -> None:
    low, high = [complete(0.1), complete(0.2)], [complete(0.3), complete(0.15)]
    for maximise, leads in ((True, 1), (False, 0)):
        assert leader([sweep_of(low, (maximise,)), sweep_of(high, (maximise,))]) == leads
        assert leader([sweep_of(high, (maximise,)), sweep_of(low, (maximise,))]) == 1 - leads
    assert leader([sweep_of(low), sweep_of(low)]) is None


def test_objectives_have_the_names_that_runs_go_by() -> None:
    monitor = {"monitor": {"metric": "val/accuracy"}}
    named = {"hydra": {"sweeper": {"direction": {"up": "maximize", "down": "minimize"}}}}
    for config, names in [
        (monitor, ("val/accuracy",)),
        (monitor | {"objectives": ["macs"]}, ("macs",)),
        (monitor | named, ("up", "down")),
        (monitor | named | {"objectives": ["val/accuracy", "macs"]}, ("val/accuracy", "macs")),
        (monitor, ("value 0", "value 1")),
        ({}, ("score",)),
    ]:
        assert objective_names(OmegaConf.create(config), len(names)) == names


def test_lost_scores_are_off_the_axis_and_others_are_not() -> None:
    values = [0.90 + 0.001 * index for index in range(20)]
    assert shown_range(values, True) is None
    shown = shown_range([*values, 0.1], True)
    assert shown is not None
    assert 0.1 < shown[0] < 0.90 < 0.919 < shown[1]
    assert shown_range([*values, 3.0], True) is None, "the best is never hidden"
    assert shown_range([*values, 3.0], False) is not None


def test_thinning_keeps_the_best_and_the_ends() -> None:
    assert evenly(range(11), 3) == [0, 5, 10]
    sweep = sweep_of([complete(float(value)) for value in range(1000)])
    kept = thin_out(sweep.ranked, 50)
    assert len(kept) == 50
    assert {trial.number for trial in kept} >= {*range(990, 1000), 0}
    assert [trial.number for trial in kept] == sorted(trial.number for trial in kept)


def test_the_cheapest_are_the_steps_of_score_over_cost() -> None:
    sweep = sweep_of([complete(score) for score in (0.5, 0.4, 0.9, 0.9)])
    steps = cheapest(sweep.ranked, {0: 10.0, 1: 20.0, 2: 30.0, 3: 25.0}, True)
    assert [trial.number for trial in steps] == [0, 3]


def test_a_pause_is_cut_and_told() -> None:
    trials = make_trials(["complete"] * 4)
    for index, trial in enumerate(trials):
        trial.number = index
        trial.user_attrs |= {"slot": 0, "seconds": 10.0}
        trial.datetime_start = START + timedelta(seconds=10 * index + (86_400 if index > 1 else 0))
    bars, pauses = lay_out_bars(trials)
    assert [seconds for _, seconds in pauses] == [86_400]
    assert bars[-1].end < 60
    assert [round(bar.end - bar.start) for bar in bars] == [10, 10, 10, 10]
    assert {bar.lane for bar in bars} == {"worker 0 slot 0"}


def test_a_trial_that_paused_has_a_bar_for_each_of_its_parts() -> None:
    one, other = make_trials(["complete", "complete"])
    starts = [(START + timedelta(seconds=second)).isoformat() for second in (0, 30)]
    part = {"session": "s", "worker": "w", "slot": 0, "started": starts[0], "seconds": 10.0}
    one.user_attrs |= {**part, "slot": 1, "started": starts[1], "seconds": 15.0, "parts": [part]}
    one.user_attrs |= {"paused_at": None}
    other.datetime_start = START + timedelta(seconds=10)
    other.user_attrs |= {**part, "seconds": 20.0}
    bars, _ = lay_out_bars([one, other])
    ends = [(bar.lane, bar.start, bar.end) for bar in bars]
    lanes = ("worker 0 slot 0", "worker 0 slot 1")
    assert ends == [(lanes[0], 0, 10), (lanes[0], 10, 30), (lanes[1], 30, 35)]


def test_reasons_alike_but_for_numbers_are_one() -> None:
    trials = [
        create_trial(
            state=TrialState.PRUNED, user_attrs={"kind": "infeasible", "reason": f"has {n} k"}
        )
        for n in (5, 7.5)
    ]
    sweep = sweep_of([*trials, complete(1.0)])
    assert reason_rows(sweep.trials) == [["infeasible", 2, "has # k", "trial 0"]]


def test_the_spread_of_one_network_is_that_of_its_seeds() -> None:
    trials = [complete(1.0, hash="a"), complete(3.0, hash="a"), complete(9.0, hash="b")]
    assert repetition_noise(sweep_of(trials)) == pytest.approx(2**0.5)
    assert repetition_noise(sweep_of(trials[1:])) is None


def test_labels_are_short_where_that_is_enough() -> None:
    params = {"model.net.width": 8, "data.width": 8, "$kernel_3": 3}
    width = DISTRIBUTIONS["model.net.width"]
    distributions = {
        "model.net.width": width,
        "data.width": width,
        "$kernel_3": DISTRIBUTIONS["$kernel_3"],
    }
    sweep = sweep_of([create_trial(value=1.0, params=params, distributions=distributions)])
    assert sweep.labels == {
        "model.net.width": "model.net.width",
        "data.width": "data.width",
        "$kernel_3": "kernel_3",
    }
