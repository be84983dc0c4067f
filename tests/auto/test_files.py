"""What the stages left is read the right way round, also where smaller is better."""

import json
from pathlib import Path

import pytest

from convsweep.auto.card import card_text
from convsweep.auto.commands.ending import test as evaluate
from convsweep.auto.commands.finalists import finalists
from convsweep.auto.commands.winner import winner
from convsweep.auto.context import StageContext
from convsweep.auto.files import Files
from convsweep.auto.request import parse_request
from convsweep.auto.state import State
from convsweep.auto.summary import against_text, unused_text

from .conftest import Commands, result, write, write_plan


@pytest.mark.parametrize(("mode", "best"), [("max", ["1", "2", "0"]), ("min", ["0", "2", "1"])])
def test_the_best_trial_by_the_direction(tmp_path: Path, mode: str, best: list[str]) -> None:
    write_plan(tmp_path, mode=mode)
    Commands().write_search(tmp_path)
    assert [row["number"] for row in Files(tmp_path).complete] == best


def test_a_baseline_that_was_killed_in_the_search_is_no_rival_of_itself(tmp_path: Path) -> None:
    write_plan(tmp_path)
    rows = ["number,kind,reason,value,retry_of", "0,killed,,,", "1,complete,,0.7,"]
    rows += ["2,killed,,,0", "3,complete,,0.9,2"]
    write(tmp_path / "study" / "sweep.csv", "\n".join(rows))
    files = Files(tmp_path)
    assert [row["number"] for row in files.rivals] == ["1"]
    assert files.baseline_trial["number"] == "3"


def test_without_files_everything_is_empty(tmp_path: Path) -> None:
    files = Files(tmp_path)
    assert (files.plan, files.trials, files.confirmation, files.samples) == ({}, [], {}, [])
    assert files.networks == [files.baseline]
    assert against_text(files, State([])) == "nothing was compared"


def test_a_training_that_failed_is_no_result(tmp_path: Path) -> None:
    write(tmp_path / "baseline" / "result.json", {"outcome": "killed", "seconds": 3.0})
    assert Files(tmp_path).baseline_result == {}


def context_of(folder: Path, *words: str) -> StageContext:
    return StageContext(parse_request(["data=digits", "n_trials=3", *words]), folder, State([]))


def test_finalists_are_trained_on_the_folds_of_the_plan(tmp_path: Path) -> None:
    write_plan(tmp_path, num_folds=5)
    Commands().write_search(tmp_path)
    assert "folds=5" in finalists(context_of(tmp_path))
    assert "folds=3" in finalists(context_of(tmp_path, "folds=3"))


@pytest.mark.parametrize(
    ("answer", "params", "count", "is_taken"),
    [
        ("better", 9000, 3, True),
        ("not_shown", 1000, 3, True),
        ("not_shown", 1001, 3, False),
        ("not_shown", 1000, 2, False),
        ("not_better", 1000, 3, False),
    ],
)
def test_a_network_that_is_better_on_average_is_taken_if_it_costs_no_more(
    tmp_path: Path, answer: str, params: int, count: int, is_taken: bool
) -> None:
    write_plan(tmp_path)
    commands = Commands(answer=answer)
    commands.write_baseline(tmp_path)
    commands.write_confirm(tmp_path)
    file = tmp_path / "study" / "confirm" / "confirm.json"
    content = json.loads(file.read_text())
    content["verdict"]["difference"]["n"] = count
    for network, number in zip(content["networks"], (params, 1000), strict=True):
        network["cost"] = {"params": number, "macs": 5000}
    write(file, content)
    files = Files(tmp_path)
    assert files.takes_finalist == is_taken
    assert (files.networks != [files.baseline]) == is_taken
    said = against_text(files, State([]))
    assert ("the baseline is" in said) != is_taken
    assert ("too few to tell" in said) == (count == 2)


def test_a_training_on_all_data_that_failed_is_not_the_network(tmp_path: Path) -> None:
    write_plan(tmp_path)
    Commands().write_baseline(tmp_path)
    diverged = {"outcome": "diverged", "checkpoint": "checkpoints/best.ckpt"}
    write(tmp_path / "winner" / "result.json", diverged)
    assert Files(tmp_path).networks == [tmp_path / "baseline"]


@pytest.mark.parametrize("answer", ["better", "not_better"])
def test_trainings_on_folds_are_an_ensemble_if_there_is_none_on_all_data(
    tmp_path: Path, answer: str
) -> None:
    write_plan(tmp_path, num_folds=3)
    commands = Commands(answer=answer)
    commands.write_baseline(tmp_path)
    commands.write_confirm(tmp_path)
    file = tmp_path / "study" / "confirm" / "confirm.json"
    write(file, {**json.loads(file.read_text()), "folds": 3})
    runs = [file.parent / "runs" / str(number) for number in (1, 2, 3)]
    assert Files(tmp_path).networks == runs
    assert evaluate(context_of(tmp_path))[:4] == ["evaluate", *map(str, runs)]
    card = card_text(Files(tmp_path), State([]), context_of(tmp_path).request)
    assert f"predict {runs[0]} {runs[1]} {runs[2]} FILES" in card
    for run in runs:
        write(run / "result.json", {**result(0.8, 3), "epochs": 4})  # of 9
    expected = runs if answer == "better" else [tmp_path / "baseline"]
    assert Files(tmp_path).networks == expected, "a longer baseline is better than its short folds"
    commands.write_winner(tmp_path)
    assert Files(tmp_path).networks == [tmp_path / "winner"]


def test_the_last_training_is_as_long_as_those_before(tmp_path: Path) -> None:
    write_plan(tmp_path)
    commands = Commands()
    commands.write_baseline(tmp_path)
    commands.write_search(tmp_path)
    commands.write_confirm(tmp_path)
    assert "trainer.max_epochs=5" in winner(context_of(tmp_path)), "the median of 4, 5 and 9"
    for seed in (1, 2, 3):
        file = tmp_path / "study" / "confirm" / "runs" / str(seed) / "result.json"
        write(file, {**json.loads(file.read_text()), "stopped_early": False})
    assert "trainer.max_epochs=9" in winner(context_of(tmp_path)), "the whole schedule"


@pytest.mark.parametrize("overlap", [None, 0.5])
def test_the_card_says_how_larger_samples_are_answered(
    tmp_path: Path, overlap: float | None
) -> None:
    write_plan(tmp_path, window_overlap=overlap)
    commands = Commands()
    commands.write_baseline(tmp_path)
    commands.write_winner(tmp_path)
    file = tmp_path / "winner" / "result.json"
    trained = json.loads(file.read_text())
    cost = {**trained.get("cost", {}), "in_shape": [1, 256, 192]}
    write(file, {**trained, "cost": cost})
    card = card_text(Files(tmp_path), State([]), context_of(tmp_path).request)
    said = "windows of 1x256x192, each of which shares 50% of an axis with the next"
    assert (said in card) == (overlap is not None)


@pytest.mark.parametrize(
    ("epochs", "why"),
    [
        (63, "the last training has all of its 63 epochs; for longer ones give trainer.max_epochs"),
        (23, "an epoch of the last training, which had 23, was quicker than those before"),
        (None, "it holds none of the parts that are left out"),
    ],
)
def test_why_time_is_left_is_said(tmp_path: Path, epochs: int | None, why: str) -> None:
    write_plan(tmp_path, epochs=10, longest_epochs=63)
    Commands().write_baseline(tmp_path)
    if epochs is None:
        write(tmp_path / "winner" / "result.json", {"outcome": "diverged", "epochs": 23})
    else:
        write(tmp_path / "winner" / "result.json", {"outcome": "complete", "epochs": epochs})
    assert unused_text(Files(tmp_path), 1200.0, 1073.0) == f"2 min 7 s are not used: {why}"
    assert unused_text(Files(tmp_path), 1200.0, 1085.0) == ""


def test_the_card_of_numbers_has_a_line_for_each_and_no_word_of_classes(tmp_path: Path) -> None:
    answers = {"has_classes": False, "answers": "length, width"}
    write_plan(tmp_path, **answers, monitor="val/mae", mode="min")
    commands = Commands()
    commands.write_baseline(tmp_path)
    baseline = json.loads((tmp_path / "baseline" / "result.json").read_text())
    write(tmp_path / "baseline" / "result.json", {**baseline, "objectives": {"val/mae": 0.4}})
    numbers = [{"number": "length", "mae": 0.25}, {"number": "width", "mae": 0.5}]
    content = {"samples": 200, "metrics": {"mae": 0.375}, "numbers": numbers}
    write(tmp_path / "evaluation" / "evaluation.json", content)
    card = card_text(Files(tmp_path), State([]), context_of(tmp_path).request)
    assert "- Answers: length, width" in card
    assert "even where none fits" not in card
    assert "| width | 0.500 |" in card
    write_plan(tmp_path)
    card = card_text(Files(tmp_path), State([]), context_of(tmp_path).request)
    assert "even where none fits" in card
