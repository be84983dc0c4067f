"""The search benchmark trains points of its spaces, packs them, and replays searches."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from benchmarks.search import make_table, methods, objectives, statistics, summary
from benchmarks.search.public_tables import PublicTable, table_of_regrets
from benchmarks.search.replay import SCHEDULES, SEARCHES, search
from benchmarks.search.rows import read_rows
from benchmarks.search.run import Run, SpentError
from benchmarks.search.samples import Data, Split
from benchmarks.search.table import Table, join, load_table, pack
from benchmarks.search.tasks import NAMES, load_task, options_of
from benchmarks.search.training import cost_of
from benchmarks.search.worlds import Fits, SurrogateWorld, TableWorld
from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.samplers import RandomSampler
from scipy.stats import spearmanr

NUM_EPOCHS = 9


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight samples for each part of the data."""

    def data(name: str, root: str) -> Data:
        shape, labels = load_task(name).in_shape, torch.arange(8)
        return Data(*(Split(torch.randn(8, *shape), labels) for _ in range(3)))

    monkeypatch.setattr(make_table, "load_data", data)
    monkeypatch.setattr(make_table, "load_table", lambda name: table_of(0))


def table_of(num_networks: int = 40) -> Table:
    """Return a table in which network i has the accuracy i / 100 after its last epoch."""
    final = np.arange(num_networks)[:, None, None] / 100
    curves = np.broadcast_to(
        final * np.linspace(0.5, 1, NUM_EPOCHS), (num_networks, 2, NUM_EPOCHS)
    ).copy()
    costs = np.full(num_networks, 1_000)
    return Table(
        points=np.arange(num_networks),
        params=costs,
        macs=costs,
        val=curves,
        test=curves,
        val_loss=1 - curves,
        seconds=np.ones_like(curves),
        refused=np.arange(100, 104),
        refused_params=np.full(4, 10**6),
        refused_macs=np.full(4, 10**7),
    )


def part_of_table(rows: slice) -> Table:
    """Return some networks of the table of images, and as many refused points."""
    table = load_table("images")
    return Table(**{name: values[rows] for name, values in vars(table).items()})


def test_making_the_table_goes_on_where_it_stopped(
    tiny: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rows.jsonl"
    command = ["make_table", "--rows", str(path), "--points", "2"]
    monkeypatch.setattr(sys, "argv", command)
    make_table.main()
    whole = path.read_text()
    rows = [json.loads(line) for line in whole.splitlines()]
    assert {(row["task"], row["point"]) for row in rows} == {(n, i) for n in NAMES for i in (0, 1)}
    trained = [row for row in rows if row["kind"] == "complete"]
    assert trained
    assert all(len(row["val"]) == NUM_EPOCHS for row in trained)
    path.write_text(whole[: -len(whole.splitlines()[-1]) // 2])  # the last line was cut
    make_table.main()
    assert [row_key(row) for row in read_rows(path)] == [row_key(row) for row in rows]


def row_key(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["task"], row["point"], row["seed"], row.get("val")


@pytest.mark.parametrize("name", NAMES)
def test_every_random_point_of_a_space_is_a_network_or_refused(name: str) -> None:
    task = load_task(name)
    costs = [cost_of(task, options_of(task.point(number))) for number in range(30)]
    assert all(("reason" in cost) == (cost.get("excess", 1) > 0) for cost in costs)


def test_the_network_made_by_hand_is_a_whole_point_that_fits_the_budget() -> None:
    task = load_task("images")
    point = task.space.at(task.hand_made)
    assert point.values == task.hand_made
    assert "reason" not in cost_of(task, options_of(point))


def test_a_point_of_another_program_is_a_trial_or_refused() -> None:
    run = Run(SurrogateWorld("images", 0, part_of_table(slice(0, 80))), budget=9)
    good, large = dict(run.world.task.hand_made), {"model.net.width": 32, "model.net.num_stages": 3}
    trial = run.at(good)
    assert trial is not None
    assert 0 < run.train(trial) < 1
    large |= {"model.net.num_blocks": 2, "model.net.width_growth": 2.0, "model.net.block": "plain"}
    assert run.at(good | large) is None
    assert (len(run.trials), run.refused) == (1, 1)


def test_a_public_table_is_searched_by_the_values_of_its_choices() -> None:
    values = {f"{i}{j}": [i / 10 + j / 100] * 2 for i in range(10) for j in range(3)}
    space = {"number": IntDistribution(0, 9), "word": CategoricalDistribution(["a", "b", "c"])}
    table = PublicTable(space, {"number": list(range(10)), "word": ["a", "b", "c"]}, values)
    regrets = table.search(lambda seed, space: RandomSampler(seed=seed), 0)
    assert regrets == sorted(regrets, reverse=True)
    assert regrets[-1] == 0
    rows = [
        {"table": "t", "method": name, "seed": seed, "regret": [0.5, 0.3, value]}
        for name, value in (("good", 0.0), ("fair", 0.1), ("bad", 0.2))
        for seed in range(9)
    ]
    text = table_of_regrets(rows)
    assert "0.000 [0.000, 0.000] | 1.00 *" in text
    assert "0.200 [0.200, 0.200] | 3.00 |" in text


def test_a_front_dominates_accuracy_times_decades_of_parameters() -> None:
    # 0.9 above 1,000 parameters, and 0.5 of the decade below; the third point is dominated
    points = [(0.5, 100.0), (0.9, 1000.0), (0.8, 2000.0)]
    assert objectives.hypervolume(points, 10_000) == pytest.approx(0.9 + 0.5)


def test_a_search_for_two_objectives_sees_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objectives, "SHOWN", (2, 4))
    world = SurrogateWorld("images", 0, table_of())
    early, late = objectives.search(objectives.METHODS["NSGA-II"](0, world.task.space), world)
    assert 0 < early <= late
    rows = [
        {"task": "images", "method": name, "seed": seed, "hypervolume": [seed + place, 1.0, 1.0]}
        for place, name in enumerate(("random", "TPE"))
        for seed in range(3)
    ]
    table = objectives.table_of_fronts(rows, "images")
    assert "| TPE | 2.00 [1.50, 2.50] | 1.00 *" in table


def test_points_of_the_table_are_not_trained_again(
    tiny: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(make_table, "load_table", lambda name: table_of(2))
    path = tmp_path / "rows.jsonl"
    monkeypatch.setattr(sys, "argv", ["make_table", "--rows", str(path), "--points", "3"])
    make_table.main()
    assert {row["point"] for row in read_rows(path)} == {2}


def test_new_points_are_added_to_the_table() -> None:
    known, new = table_of(4), table_of(2)
    new.points[:] = 2, 7
    joined = join(known, replace(new, refused=np.array([102, 103, 104, 99])))
    assert joined.points.tolist() == [0, 1, 2, 3, 7]
    assert joined.val[:, 0, -1].tolist() == [0, 0.01, 0, 0.03, 0.01]
    assert joined.refused.tolist() == [99, 100, 101, 102, 103, 104]


def test_a_packed_table_is_the_same_and_of_its_space_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, table = tmp_path / "curves.npz", table_of()
    pack({"signals": table}, path)
    stored = load_table("signals", path)
    assert np.allclose(stored.val, table.val, atol=1e-4)
    assert (stored.points == table.points).all()
    load_table.cache_clear()
    monkeypatch.setattr("benchmarks.search.table.definition", lambda name: "another")
    with pytest.raises(ValueError, match="another one; make it again"):
        load_table("signals", path)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_finds_a_good_network_of_noiseless_curves_within_its_budget(name: str) -> None:
    found = search(SCHEDULES[name], TableWorld("images", 0, table_of()), 20, 0, "epochs")
    assert found["true"][-1] >= 0.3
    assert found["true"][-1] == found["believed"][-1]


def test_promotion_sees_more_networks_than_full_trainings_and_completes_the_best() -> None:
    run = Run(TableWorld("images", 0, table_of()), budget=90)
    with pytest.raises(SpentError):
        methods.promotion(run)
    complete = [trial for trial in run.trials if run.is_done(trial)]
    assert len(run.trials) > 20
    assert 1 <= len(complete) < 10
    best = max(run.trials, key=lambda trial: trial.network.true)
    assert run.found[-1][2] == best.network.true


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")  # TPE by groups
@pytest.mark.parametrize(
    "name",
    ["TPE, promotion 1, 3, 9", "TPE, median 5/1", "GP of curves, promotion 1, 3, 9"],
)
def test_a_search_proposes_points_to_the_surrogate(name: str) -> None:
    found = search(SEARCHES[name], SurrogateWorld("images", 0, table_of()), 3, 0, "epochs")
    assert found["trials"] >= 3
    assert 0 < found["true"][-1] < 0.4


def test_the_surrogate_ranks_networks_that_it_was_not_fitted_to() -> None:
    task, others = load_task("images"), part_of_table(slice(160, 300))
    fits = Fits(task, part_of_table(slice(0, 160)))
    points = [task.point(int(number)).values for number in others.points]
    predicted = [fits.predict(values)[NUM_EPOCHS - 1] for values in points]
    correlation = spearmanr(predicted, others.val[:, :, -1].mean(1))[0]
    assert correlation > 0.8
    fit = np.array([fits.excess(values) <= 0 for values in points])
    assert fit.mean() > 0.9  # all of them were within the budget


def test_an_epoch_at_which_one_seed_collapsed_makes_no_training_better() -> None:
    table = table_of()
    table.val[:, 0, 4] = 0.01
    fits = Fits(load_task("images"), table)
    noise = [fits.noise(0.3, np.random.default_rng(seed)) for seed in range(20)]
    assert max(map(np.max, noise)) == 0
    assert min(map(np.min, noise)) < -1


def test_the_summary_says_who_is_faster_and_who_ranks_first() -> None:
    costs = np.arange(1.0, 5.0)
    slow, quick = [0.1, 0.2, 0.3, 0.4], [0.3, 0.4, 0.4, 0.4]
    rows = [
        {"method": name, "seed": seed, "true": true, "believed": true}
        for name, true in (("slow", slow), ("quick", quick))
        for seed in range(30)
    ]
    results = statistics.collect(rows, costs, "slow")
    assert results is not None
    assert statistics.speed(results, 1, 0) == (2.0, 2.0, 2.0)
    assert summary.factor(*statistics.speed(results, 0, 1)) == "0.5 [0.5, 0.5]"
    ranks, difference, _ = statistics.mean_ranks(results.true[:, :, 0])
    assert list(ranks) == [2, 1]
    assert 0 < difference < 1


def test_methods_are_paired_with_the_default_by_seed() -> None:
    costs = summary.SHARES * 4

    def row(name: str, seed: int, half: float, end: float) -> dict[str, Any]:
        true = np.where(summary.SHARES <= 0.5, half, end).tolist()
        return {"method": name, "seed": seed, "true": true, "believed": true}

    rows = [row("usual", seed, 0.1, 0.1) for seed in range(30)]
    # behind in half of the searches at first, ahead in nine at the end
    rows += [row("other", seed, 0.1 * (seed % 2), 0.1 + 0.1 * (seed < 9)) for seed in range(30)]
    results = statistics.collect(rows, costs, "usual")
    assert results is not None
    line = summary.table_of_pairs([results], "usual").splitlines()[2]
    assert line == "| other | 0, 15 | 6.1e-05 * | 9, 0 | 0.0039 * | +3.00 |"
    assert statistics.sign_test(costs, costs) == (0, 0, 1.0)
