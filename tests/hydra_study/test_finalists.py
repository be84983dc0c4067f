"""Finalists: the best trials again with other seeds, which choose the winner by their mean."""

import csv
import os
import signal
from collections.abc import Mapping

import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, create_trial

from hydra_study import attributes
from hydra_study.trials.finalists import decide_finals

from .conftest import PATIENCE_S, MakeToy, Toy, wait_for

pytestmark = pytest.mark.long

# Seed 5 flatters x = 0; by the other seeds x = 1 is better. Finalists but the first ones wait while
# there is a file `hold`.
TRAINING = """
    link = trial.current()
    while cfg.seed > 6 and Path("hold").exists(): time.sleep(0.02)
    for epoch in range(1, 3):
        if link.report(epoch, float(cfg.x), is_last=False):
            raise trial.Pruned("behind")
    with open("trained.txt", "a") as log: log.write(f"{cfg.x} {cfg.seed}\\n")
    luck = -3.0 * (cfg.x == 0) if cfg.seed == 5 else 0.01 * cfg.seed
    return {0: 2.0, 1: 1.0}.get(cfg.x, 3.0) + luck
"""
OPTIONS = """
    n_trials: 3
    slots: 2
    params: {x: 'choice(0,1,2)'}
    finalists: {top: 2, seeds: 3}
"""


def make(toy: MakeToy) -> Toy:
    """Return an application whose best trial is the best by luck."""
    return toy(TRAINING, "x: 0\nseed: 5", OPTIONS)


def trained(app: Toy) -> list[tuple[int, int]]:
    """Return the points that were trained to their end, with their seeds."""
    lines = (app.folder / "trained.txt").read_text().splitlines()
    return sorted((int(x), int(seed)) for x, seed in map(str.split, lines))


ALL = [(0, 5), (0, 6), (0, 7), (0, 8), (1, 5), (1, 6), (1, 7), (1, 8), (2, 5)]


def test_the_best_train_again_and_the_best_mean_wins(toy: MakeToy) -> None:
    app = make(toy)
    output = app.run("hydra/sweeper/sampler=grid")
    assert trained(app) == ALL
    assert "all 3 trials are done (9 complete)" in output
    assert "winner of 2 finalists: trial 1, 1.07 +- 0.0058 (mean and standard error" in output
    assert "optimism of the search: 0.07 for the winner, 1.6 on average" in output
    assert "cannot be told apart" not in output
    best = (app.sweep / "best.yaml").read_text()
    assert "x: 1" in best
    assert "# winner of 2 finalists: trial 1" in best
    assert {trial.user_attrs.get(attributes.FINALIST_OF) for trial in app.trials()} == {None, 0, 1}
    columns = ("finalist_mean", "finalist_standard_error")
    rows = list(csv.DictReader((app.sweep / "sweep.csv").read_text().splitlines()))
    given = [[float(row[name]) for name in columns if row[name]] for row in rows]
    error = pytest.approx(0.01 / 3**0.5)
    assert given == [[pytest.approx(2.07), error], [pytest.approx(1.07), error], *[[]] * 7]
    app.run("hydra/sweeper/sampler=grid")
    assert trained(app) == ALL, "the same command trains nothing twice"
    output = app.run(
        "hydra/sweeper/sampler=grid",
        "hydra/sweeper/pruner=threshold",
        "hydra.sweeper.pruner.upper=-1",
        "hydra.sweeper.finalists.seeds=4",
    )
    assert "all 3 trials are done (11 complete)" in output
    assert trained(app) == sorted([*ALL, (0, 9), (1, 9)]), "finalists are never pruned"


def test_what_a_schedule_leaves_goes_to_the_finals_of_two_workers(toy: MakeToy) -> None:
    pruner = "    pruner: {_target_: optuna.pruners.MedianPruner}\n"
    app = toy(TRAINING, "x: 0\nseed: 5", OPTIONS + pruner)
    output = app.run(
        "hydra/launcher=joblib",
        "hydra.launcher.n_jobs=2",
        "hydra.sweeper.workers=2",
        "hydra.sweeper.slots=1",
        "hydra/sweeper/schedule=promotion",
        "hydra/sweeper/sampler=grid",
    )
    assert trained(app) == [one for one in ALL if one[0] == 0], (
        "the others paused, and no seed twice"
    )
    assert "the one finalist: trial 0, 2.07 +- 0.0058" in output
    assert "the command line's schedule replaces the config's pruner" in output


def test_the_command_line_can_set_what_the_config_leaves_out(toy: MakeToy) -> None:
    options = OPTIONS.replace("finalists: {top: 2, seeds: 3}", "")
    app = toy(TRAINING, "x: 0\nseed: 5", options)
    output = app.run("hydra.sweeper.finalists={top: 1, seeds: 2}", "hydra/sweeper/sampler=grid")
    assert "the one finalist: trial 0" in output


def test_finalists_go_on_after_a_kill(toy: MakeToy) -> None:
    app = make(toy)
    hold = app.folder / "hold"
    hold.touch()
    process = app.start("hydra/sweeper/sampler=grid")
    log = app.folder / "trained.txt"
    wait_for(lambda: log.exists() and len(log.read_text().splitlines()) > 3)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=PATIENCE_S)
    hold.unlink()
    assert len(trained(app)) < 9
    app.run("hydra/sweeper/sampler=grid")
    ended = [one for one in app.trials() if one.value is not None]
    assert len(ended) == 9
    assert set(trained(app)) == set(ALL)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("hydra.sweeper.finalists.top=0", "with counts from 1, but got"),
        ("hydra.sweeper.n_trials=null", "needs one objective, and n_trials or early_stopping"),
        ("hydra.sweeper.direction={a: minimize, b: minimize}", "needs one objective"),
        ("seed=null", "needs a whole number at seed"),
    ],
)
def test_what_finalists_cannot_do_is_refused(toy: MakeToy, option: str, message: str) -> None:
    assert message in make(toy).refuse(option)


def trials_of(values: Mapping[int, list[float]]) -> list[FrozenTrial]:
    """Return the trials of a study: one for each network with its first value, then finalists."""
    space = {"x": FloatDistribution(0, 9)}
    made = [(float(x), one[0], {}) for x, one in values.items()] + [
        (float(x), value, {attributes.FINALIST_OF: x, attributes.REPETITION: repetition})
        for x, one in values.items()
        for repetition, value in enumerate(one[1:], 1)
    ]
    trials = [
        create_trial(value=value, params={"x": x}, distributions=space, user_attrs=attrs)
        for x, value, attrs in made
    ]
    for number, trial in enumerate(trials):
        trial.number = number
    return trials


def test_networks_within_the_noise_cannot_be_told_apart() -> None:
    found = decide_finals(
        trials_of(
            {0: [0.99, 0.9, 0.92, 0.91], 1: [0.98, 0.92, 0.9, 0.92], 2: [0.97, 0.5, 0.5, 0.51]}
        ),
        maximize=True,
    )
    assert found is not None
    assert [one.trial.number for one in found.finalists] == [1, 0, 2]
    assert found.alike == [0]
    assert found.optimism == pytest.approx(0.98 - (0.92 + 0.9 + 0.92) / 3)
    assert "trials 1 and 0 cannot be told apart" in found.lines()


def test_the_first_value_counts_only_beside_a_single_other_one() -> None:
    one = decide_finals(trials_of({0: [0.9, 0.7]}), maximize=True)
    two = decide_finals(trials_of({0: [0.9, 0.7, 0.6]}), maximize=True)
    assert one is not None
    assert two is not None
    assert one.winner.mean == pytest.approx(0.8)
    assert two.winner.mean == pytest.approx(0.65)
