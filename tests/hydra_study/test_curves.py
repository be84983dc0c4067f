"""`hydra/sweeper/sampler=gp_curves`: a Gaussian process over parameters and steps."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState
from scipy.optimize import approx_fprime

from hydra_study import attributes
from hydra_study.space.grammar import parse_parameters
from hydra_study.space.space import Space
from hydra_study.trials.curves import CurveSampler
from hydra_study.trials.gaussian_process import GaussianProcess

from .conftest import MakeToy

FLAT = {"x": "interval(0,1)", "k": "range(1,9)", "act": "choice(relu,gelu,silu)"}
Values = dict[str, Any]


def make_space(params: Values) -> Space:
    return Space(parse_parameters(params, [], loader=None))  # type: ignore[arg-type]


def quality(values: Values) -> float:
    """Best at x = 0.7, k = 3 and gelu: 1."""
    off = (values["x"] - 0.7) ** 2 + ((values["k"] - 3) / 8) ** 2
    return 1 - off - 0.1 * float(values["act"] != "gelu")


class Search:
    """A study of a space, with some random trials to begin with."""

    def __init__(self, space: Space, direction: str = "maximize", seed: int = 0) -> None:
        self.space = space
        self.study = optuna.create_study(
            direction=direction, sampler=optuna.samplers.RandomSampler(seed=seed)
        )
        self.sampler = CurveSampler(space, seed)

    def ask(self) -> tuple[optuna.Trial, Values]:
        trial = self.study.ask()
        return trial, self.space.point(trial._suggest).values

    def complete(self, number: int, value: Callable[[Values], float]) -> list[Values]:
        points = []
        for _ in range(number):
            trial, values = self.ask()
            self.study.tell(trial, value(values))
            points.append(values)
        return points

    def leave_it_to_the_sampler(self) -> None:
        self.study.sampler = self.sampler


def test_the_gradient_is_that_of_the_loss() -> None:
    generator = np.random.default_rng(0)
    process = GaussianProcess([0, 0, 0, 1, 2])
    x, t, y = generator.random((20, 5)), generator.random(20), generator.normal(size=20)
    data = process._squares(x, x), np.abs(t[:, None] - t), np.outer(t, t), y
    constants = process._constants + 0.1 * generator.normal(size=len(process._constants))
    numeric = approx_fprime(constants, lambda at: process._loss(at, *data)[0], 1e-6)
    assert process._loss(constants, *data)[1] == pytest.approx(numeric, abs=1e-4)


def test_the_process_knows_what_it_saw_and_what_it_did_not() -> None:
    x = np.linspace(0, 0.5, 12)[:, None]
    y = np.sin(6 * x[:, 0])
    process, end = GaussianProcess([0]), np.ones(12)
    process.fit(x, end, y)
    means, deviations = process.predict(x, end)
    assert means == pytest.approx(y, abs=0.15)
    _, far = process.predict(np.array([[1.0]]), np.ones(1))
    assert far[0] > 2 * deviations.max()


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_it_finds_what_random_points_do_not(direction: str) -> None:
    sign = 1 if direction == "maximize" else -1
    bests = {}
    for is_random in (True, False):
        found = []
        for seed in range(3):
            search = Search(make_space(FLAT), direction, seed)
            search.complete(8, lambda values: sign * quality(values))
            if not is_random:
                search.leave_it_to_the_sampler()
            search.complete(16, lambda values: sign * quality(values))
            found.append(sign * search.study.best_value)
        bests[is_random] = np.mean(found)
    assert bests[False] > 0.995
    assert bests[False] > bests[True]


def test_it_learns_from_trials_that_have_not_ended() -> None:
    search = Search(make_space(FLAT))
    for _ in range(12):
        trial, values = search.ask()
        trial.report(quality(values) / 2, 1)
        trial.set_user_attr(attributes.PAUSED_AT, 1)
    search.leave_it_to_the_sampler()
    proposed = []
    for _ in range(8):
        trial, values = search.ask()
        trial.report(quality(values) / 2, 1)
        proposed.append(quality(values))
    assert {trial.state for trial in search.study.trials} == {TrialState.RUNNING}
    assert np.mean(proposed[2:]) > 0.9  # of random points 0.7


@pytest.mark.parametrize("kind", ["infeasible", "timed_out"])
def test_it_avoids_points_that_cannot_be_trained(kind: str) -> None:
    search = Search(make_space({"x": "interval(0,1)"}))

    def train(trial: optuna.Trial, x: float) -> bool:
        if x > 0.5:
            if kind == "timed_out":
                trial.report(x, 1)  # good until then
            trial.set_constraint(kind, 1.0)
            search.study.tell(trial, state=TrialState.PRUNED)
        else:
            search.study.tell(trial, x)
        return x <= 0.5

    for _ in range(10):
        trial, values = search.ask()
        train(trial, values["x"])
    search.leave_it_to_the_sampler()
    trained = []
    for _ in range(12):
        trial, values = search.ask()
        trained.append(train(trial, values["x"]))
    assert sum(trained) >= 8
    assert search.study.best_value > 0.45


@pytest.mark.parametrize("kind", ["error", "killed"])
def test_a_point_that_failed_is_not_tried_again(kind: str) -> None:
    search = Search(make_space({"x": "range(0,10)", "y": "range(0,10)"}))
    failed = []

    def train(values: Values, trial: optuna.Trial) -> None:
        if values["x"] == 6:  # the best ones
            failed.append(tuple(values.items()))
            trial.set_user_attr(attributes.KIND, kind)
            search.study.tell(trial, state=TrialState.FAIL)
        else:
            search.study.tell(trial, -abs(values["x"] - 6) - abs(values["y"] - 4))

    for number in range(30):
        if number == 10:
            search.leave_it_to_the_sampler()
            failed.clear()
        trial, values = search.ask()
        train(values, trial)
    assert len(failed) == len(set(failed)) <= 8


def test_a_trial_that_is_retried_says_nothing_about_its_point() -> None:
    search = Search(make_space({"x": "interval(0,1)"}))
    search.complete(8, lambda values: values["x"])
    for _ in range(4):
        search.study.enqueue_trial({"x": 1.0})
        trial, _ = search.ask()
        trial.set_constraint("out_of_memory", 1.0)
        trial.set_user_attr(attributes.RETRIED, True)
        search.study.tell(trial, state=TrialState.PRUNED)
    search.leave_it_to_the_sampler()
    assert max(search.ask()[1]["x"] for _ in range(4)) > 0.9


@pytest.mark.parametrize("steps", [0, 3], ids=["repetition", "stopped early"])
def test_a_complete_trial_counts_at_the_last_step_of_all(
    steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = Search(make_space({"x": "interval(0,1)"}))
    for last in [9] * 6 + [steps]:
        trial, values = search.ask()
        for step in range(1, last + 1):
            trial.report(values["x"] * step / 9, step)
        search.study.tell(trial, values["x"])
    seen: list[Any] = []
    fit = GaussianProcess.fit

    def note(process: GaussianProcess, x: Any, t: Any, y: Any) -> None:
        seen.append(t)
        fit(process, x, t, y)

    monkeypatch.setattr(GaussianProcess, "fit", note)
    search.leave_it_to_the_sampler()
    search.ask()
    assert seen[0].tolist() == [1.0] * 7


def test_early_stopping_does_not_make_a_point_promising() -> None:
    """Those that stop early are poor, and would not get better."""
    proposed: list[float] = []

    def train(search: Search) -> float:
        trial, values = search.ask()
        best = 1 - (values["x"] - 0.7) ** 2 - (values["y"] - 0.2) ** 2
        last = 9 if best > 0.8 else 2
        curve = [best * (1 - 0.3 / step) for step in range(1, last + 1)]
        for step, value in enumerate(curve, 1):
            trial.report(value, step)
        search.study.tell(trial, curve[-1])
        return best

    for seed in range(5):
        search = Search(make_space({"x": "interval(0,1)", "y": "interval(0,1)"}), seed=seed)
        for _ in range(10):
            train(search)
        search.leave_it_to_the_sampler()
        proposed += [train(search) for _ in range(12)][4:]
    assert np.mean(proposed) > 0.9  # 0.75 if they counted where they stopped


def test_parameters_that_matter_are_told_from_those_that_do_not() -> None:
    """Most of a space is of little importance; a process with lengths that are too long would take
    what matters for noise.
    """
    space = make_space({f"x{index}": "interval(0,1)" for index in range(6)})
    regrets = []
    for seed in range(4):
        search = Search(space, seed=seed)
        generator = np.random.default_rng(seed)

        def value(values: Values) -> float:
            off = (values["x0"] - 0.3) ** 2 + (values["x1"] - 0.8) ** 2
            return float(1 - off + 0.02 * generator.normal())  # noqa: B023

        search.complete(10, value)
        search.leave_it_to_the_sampler()
        found = search.complete(30, value)[-1]
        regrets.append((found["x0"] - 0.3) ** 2 + (found["x1"] - 0.8) ** 2)
    assert np.median(regrets) < 0.01


def test_nothing_is_proposed_where_nothing_is_searched() -> None:
    search = Search(make_space({}))
    search.complete(3, lambda values: 1.0)
    search.leave_it_to_the_sampler()
    assert search.ask()[1] == {}


def test_workers_at_the_same_time_try_different_points() -> None:
    search = Search(make_space({"k": "range(1,9)"}))
    search.complete(3, lambda values: -values["k"])
    search.leave_it_to_the_sampler()
    running = [search.ask()[1]["k"] for _ in range(4)]
    assert len(set(running)) == 4


def test_a_point_has_the_parameters_of_its_branch() -> None:
    space = make_space(
        {
            "kind": "choice(plain,deep)",
            "$depth": {"values": "range(1,9)", "when": "kind == 'deep'"},
        }
    )

    def value(values: Values) -> float:
        assert ("$depth" in values) == (values["kind"] == "deep")
        return float(values.get("$depth", 0))

    search = Search(space)
    search.complete(6, value)
    search.leave_it_to_the_sampler()
    search.complete(8, value)
    assert search.study.best_value == 8


def test_a_space_that_is_used_up_is_drawn_from_again() -> None:
    search = Search(make_space({"k": "range(1,3)"}))
    search.complete(4, lambda values: values["k"])
    search.leave_it_to_the_sampler()
    assert search.ask()[1]["k"] in (1, 2)


def test_a_space_that_was_wider_before_is_searched_within_its_present_range() -> None:
    search = Search(make_space({"x": "interval(0,1)", "y": "interval(0,1)", "z": "interval(0,1)"}))
    search.complete(20, lambda values: -values["x"])
    narrow = make_space({"x": "interval(0,0.01)", "y": "interval(0,0.5)"})
    search.space, search.sampler = narrow, CurveSampler(narrow, 0)
    search.leave_it_to_the_sampler()
    for _ in range(3):
        trial, point = search.ask()
        assert trial.relative_params == point
        search.study.tell(trial, -point["x"])


def test_a_change_to_a_worse_part_of_the_space_still_finds_its_best() -> None:
    search = Search(make_space({"x": "interval(0,1)", "y": "interval(0,1)"}))

    def value(values: Values) -> float:
        return values["x"] - abs(values["y"] - 0.4)

    search.complete(40, value)
    worse = make_space({"x": "interval(0,0.1)", "y": "interval(0,1)"})
    search.space, search.sampler = worse, CurveSampler(worse, 0)
    search.leave_it_to_the_sampler()
    found = search.complete(10, value)
    assert np.mean([abs(point["y"] - 0.4) for point in found]) < 0.15  # at random 0.26


def test_no_point_is_tried_twice() -> None:
    search = Search(make_space({"x": "range(0,1,0.1)", "y": "choice(3,5)"}))
    search.complete(3, lambda values: -abs(values["x"] - 0.3))
    search.study.enqueue_trial({"x": 0.3, "y": 3})  # 0.30000000000000004 as the third step
    running, _ = search.ask()
    running.report(0.0, 1)
    search.leave_it_to_the_sampler()
    search.study.enqueue_trial({"x": 0.3, "y": 5})
    waiting = search.study.trials[-1]
    assert waiting.state == TrialState.WAITING
    points = search.complete(14, lambda values: -abs(values["x"] - 0.3))
    keys = [(round(point["x"], 6), point["y"]) for point in points]
    assert len(set(keys)) == len(keys)
    assert (0.3, 3) not in keys


def test_a_trial_that_has_no_parameters_yet_says_nothing() -> None:
    points = []
    for is_begun in (True, False):
        search = Search(make_space({"x": "interval(0,1)"}))
        search.complete(4, lambda values: -abs(values["x"] - 0.5))
        search.leave_it_to_the_sampler()
        if is_begun:
            search.study.ask()
        points.append(search.ask()[1])
    assert points[0] == points[1]


def test_many_choices_need_little_memory() -> None:
    process = GaussianProcess([index for index in range(20) for _ in range(20)])
    generator = np.random.default_rng(0)
    x, candidates = generator.random((200, 400)), generator.random((400, 400))
    tracemalloc.start()
    process._squares(x, candidates)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6


def test_several_objectives_are_refused_before_anything_runs(toy: MakeToy) -> None:
    options = "n_trials: 3\nslots: 1\nparams: {x: 'interval(0,1)'}"
    app = toy("return cfg.x, -cfg.x", sweeper=f"{options}\ndirection: {{a: minimize, b: minimize}}")
    output = app.run("hydra/sweeper/sampler=gp_curves", code=1)
    assert "gp_curves searches for one objective, but got a, b; choose nsga2 or tpe" in output
