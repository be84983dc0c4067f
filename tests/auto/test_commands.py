"""What a stage does follows from the time that the stages before have really taken."""

import json
import math
from pathlib import Path

import pytest

from convsweep.auto.commands.arguments import LeftOutError
from convsweep.auto.commands.beginning import plan
from convsweep.auto.commands.ending import export
from convsweep.auto.commands.finalists import finalists
from convsweep.auto.commands.search import search
from convsweep.auto.commands.winner import winner
from convsweep.auto.context import StageContext
from convsweep.auto.request import parse_request
from convsweep.auto.state import StageState, State

from .conftest import Commands, result, write, write_plan


def context_of(
    folder: Path, budget: str, spent: float, baseline_s: float = 60.0, engine: tuple[str, ...] = ()
) -> StageContext:
    """Return a run after its baseline of 12 epochs, planned with 30 s; the recipe has 100."""
    write_plan(
        folder, epochs=12, seconds_per_training=30.0, longest_epochs=100, fewest_epochs=3, slots=1
    )
    done = {**result(0.8, 12), "epochs": 12, "seconds": baseline_s}
    write(folder / "baseline" / "result.json", done)
    stages = {
        "plan": StageState("done", 16.0),
        "baseline": StageState("done", baseline_s + 8.0, starts=1),
    }
    request = parse_request(["data=digits", f"budget={budget}", f"folder={folder}", *engine])
    return StageContext(request, folder, State(request.overrides, stages, spent))


def value_in(command: list[str], key: str) -> float:
    """Return the value of an override of a command."""
    return float(next(word.partition("=")[2] for word in command if word.startswith(f"{key}=")))


def test_trainings_are_shorter_where_the_baseline_was_slower_than_planned(tmp_path: Path) -> None:
    planned = search(context_of(tmp_path, "15min", 60.0, baseline_s=30.0))
    assert not any(word.startswith("trainer.max_epochs") for word in planned)
    slower = search(context_of(tmp_path, "15min", 90.0, baseline_s=60.0))
    assert value_in(slower, "trainer.max_epochs") == 6
    assert value_in(slower, "hydra.sweeper.schedule.min_steps") == 1  # of 5 s
    with pytest.raises(LeftOutError, match="but 3 min 30 s are left; the training on all data has"):
        search(context_of(tmp_path, "5min", 90.0))
    with pytest.raises(LeftOutError, match=r"but 30 s are left$"):
        search(context_of(tmp_path, "5min", 270.0))


def test_a_search_has_no_network_that_is_too_slow_for_its_finalists(tmp_path: Path) -> None:
    words = []
    for budget in ("30min", "40min"):
        context = context_of(tmp_path, budget, 90.0)
        write_plan(tmp_path, **{**context.files.plan, "max_macs": 15e6})  # three times the baseline
        command = search(StageContext(context.request, tmp_path, context.state))
        words.append([word for word in command if word.startswith("budget.max_macs")])
    assert words == [["budget.max_macs=7500000"], []], "the least finalists, and the plan's limit"


@pytest.mark.parametrize(("seconds", "schedule"), [(60.0, []), (9.0, [3]), (3.0, ["none"])])
def test_trials_are_not_compared_before_they_trained_as_long_as_they_take_to_start(
    tmp_path: Path, seconds: float, schedule: list[object]
) -> None:
    command = search(context_of(tmp_path, "1h", 90.0, baseline_s=seconds))  # 2 s to start a trial
    words = [word for word in command if "schedule" in word]
    assert [word.rpartition("=")[2] for word in words] == [str(each) for each in schedule]


def test_the_training_on_all_data_has_the_time_that_is_left(tmp_path: Path) -> None:
    context = context_of(tmp_path, "10min", 200.0)
    epochs = value_in(winner(context), "trainer.max_epochs")
    took = 8 + epochs * 60 / 12 * (200 + 144) / 200
    costs = context.costs()
    assert 0.85 * (context.left - costs.ending) < took <= context.left - costs.ending
    assert value_in(winner(context_of(tmp_path, "2h", 200.0)), "trainer.max_epochs") == 100
    late = winner(context_of(tmp_path, "10min", 470.0))
    assert value_in(late, "trainer.max_epochs") == 12, "103 s, and 8 s for the test; no export"
    with pytest.raises(LeftOutError, match="take about 1 min 59 s, but 1 min 50 s are left"):
        winner(context_of(tmp_path, "10min", 490.0))


@pytest.mark.parametrize(
    ("answer", "own", "spent", "option"),
    [
        ("not_better", None, 200.0, "shift_flip"),
        ("better", "none", 200.0, "shift_flip"),
        ("better", None, 200.0, "shift_flip"),  # not in the space
        ("better", "erasing", 200.0, None),
        ("not_better", None, 470.0, None),  # 11 epochs
    ],
)
def test_a_long_last_training_has_the_augmentation_that_short_ones_do_without(
    tmp_path: Path, answer: str, own: str | None, spent: float, option: str | None
) -> None:
    context = context_of(tmp_path, "10min", spent)
    plan = {"epochs": 11, "longest_epochs": 100, "left_out_augment": "shift_flip"}
    write_plan(tmp_path, **plan, fewest_epochs=3)
    Commands(answer=answer).write_confirm(tmp_path)
    file = tmp_path / "study" / "confirm" / "confirm.json"
    content = json.loads(file.read_text())
    content["networks"][0]["params"] = {} if own is None else {"data/augment": own}
    write(file, content)
    for run in file.parent.glob("runs/*/result.json"):
        write(run, {**result(0.8, 11), "epochs": 11, "seconds": 55.0})
    command = winner(StageContext(context.request, tmp_path, context.state))
    words = [word for word in command if word.startswith("data/augment=")]
    assert words == ([] if option is None else [f"data/augment={option}"])


def test_trainings_side_by_side_do_not_say_how_long_one_alone_takes(tmp_path: Path) -> None:
    alone = value_in(winner(context_of(tmp_path, "10min", 200.0)), "trainer.max_epochs")
    Commands(answer="not_better").write_confirm(tmp_path)
    for file in (tmp_path / "study" / "confirm" / "runs").glob("*/result.json"):
        write(file, {**result(0.8, 12), "epochs": 12, "seconds": 100.0})  # 60 s alone
    beside = value_in(winner(context_of(tmp_path, "10min", 200.0)), "trainer.max_epochs")
    assert beside == alone


@pytest.mark.parametrize(("slots", "at_once"), [(1, 1.0), (4, 3.2), (6, 4.8)])
def test_trainings_of_all_workers_run_at_a_time(tmp_path: Path, slots: int, at_once: float) -> None:
    context = context_of(tmp_path, "30min", 100.0)
    write_plan(tmp_path, **{**context.files.plan, "slots": slots})
    again = StageContext(context.request, tmp_path, context.state)
    assert again.costs().at_once == pytest.approx(at_once)


def test_the_plan_knows_how_many_trainings_run_at_a_time(tmp_path: Path) -> None:
    engine = ("hydra/launcher=ray", "hydra.sweeper.workers=3", "hydra.sweeper.slots=2")
    words = plan(context_of(tmp_path, "30min", 100.0, engine=engine))
    assert words[:5] == ["plan", "data=digits", *engine]


def test_a_search_leaves_time_for_a_launcher_to_start_its_workers(tmp_path: Path) -> None:
    key, launcher = "hydra.sweeper.timeout", ("hydra/launcher=slurm",)
    here = value_in(search(context_of(tmp_path, "1h", 200.0)), key)
    there = value_in(search(context_of(tmp_path, "1h", 200.0, engine=launcher)), key)
    assert here - there == 8.0, "as long as a command takes to start"


def test_a_search_that_has_begun_keeps_the_length_and_the_limit_of_its_trials(
    tmp_path: Path,
) -> None:
    context = context_of(tmp_path, "1h", 200.0)
    assert not [word for word in search(context) if word.startswith(("trainer.", "budget."))]
    before = ["train", "-m", "trainer.max_epochs=6", "budget.max_macs=7000000"]
    context.state.stages["search"] = StageState("running", 30.0, starts=1, replaced=before)
    command = search(context)
    assert set(before) < set(command)
    assert value_in(command, "hydra.sweeper.schedule.min_steps") == 1


def test_the_last_training_has_no_time_for_validations_that_it_lacks(tmp_path: Path) -> None:
    context = context_of(tmp_path, "10min", 200.0)
    every_epoch = value_in(winner(context), "trainer.max_epochs")
    write_plan(tmp_path, **{**context.files.plan, "validation_share": 0.5})
    once = StageContext(context.request, tmp_path, context.state)
    assert value_in(winner(once), "trainer.max_epochs") == pytest.approx(2 * every_epoch, abs=1)


@pytest.mark.parametrize(("given", "epochs"), [([], 18), (["trainer.max_epochs=12"], 12)])
def test_the_training_on_all_data_has_no_fewer_steps_where_its_epochs_have(
    tmp_path: Path, given: list[str], epochs: int
) -> None:
    context = context_of(tmp_path, "1h", 200.0)
    few = {"steps": 18, "steps_on_all": 12, "longest_epochs": 12, "overrides": given}
    write_plan(tmp_path, **{**context.files.plan, **few})
    again = StageContext(context.request, tmp_path, context.state)
    assert value_in(winner(again), "trainer.max_epochs") == epochs
    assert again.costs().of_winner == pytest.approx(8 + 60 * (1 if not given else 2 / 3))


def test_no_time_is_kept_for_the_test_of_a_part_that_is_not_there(tmp_path: Path) -> None:
    context = context_of(tmp_path, "30min", 100.0)
    with_test = context.costs().ending
    write_plan(tmp_path, num_test=0)
    assert StageContext(context.request, tmp_path, context.state).costs().ending == with_test - 8.0


def test_a_start_is_as_slow_as_the_plan_says_until_it_is_measured(tmp_path: Path) -> None:
    context = context_of(tmp_path, "10min", 200.0)
    (tmp_path / "baseline" / "result.json").unlink()
    context = StageContext(context.request, tmp_path, context.state)
    assert context.costs().start == 8.0
    context.state.stages["plan"].seconds = 100.0
    assert context.costs().start == 50.0
    context.state.stages["plan"].starts = 4  # three were interrupted
    assert context.costs().start == 12.5


@pytest.mark.parametrize(
    ("scores", "why"),
    [
        ((0.8, 0.7, 0.6), "no other trial reached the baseline's score, 0.7 against 0.8"),
        ((0.8,), "no trial of the search but the baseline came to its end"),
        ((0.8, 0.8, 0.7), None),
        ((0.8, 0.85), None),
    ],
)
def test_what_did_not_reach_the_baseline_is_no_finalist(
    tmp_path: Path, scores: tuple[float, ...], why: str | None
) -> None:
    rows = [f"{number},complete,,{score},1.0" for number, score in enumerate(scores)]
    context = context_of(tmp_path, "1h", 200.0)
    write(tmp_path / "study" / "sweep.csv", "number,kind,reason,value,seconds\n" + "\n".join(rows))
    if why is None:
        assert "confirm" in finalists(context)
    else:
        with pytest.raises(LeftOutError, match=why):
            finalists(context)


@pytest.mark.parametrize(("of_baseline", "why"), [("0.65", None), ("0.75", "0.7 against 0.75")])
def test_shorter_trials_are_compared_with_the_baseline_of_their_length(
    tmp_path: Path, of_baseline: str, why: str | None
) -> None:
    context = context_of(tmp_path, "1h", 200.0)  # the baseline has 0.8
    command = ["train", "-m", "trainer.max_epochs=6"]
    context.state.stages["search"] = StageState("done", 500.0, starts=1, command=command)
    rows = ["number,kind,reason,value,seconds", f"0,complete,,{of_baseline},1", "1,complete,,0.7,1"]
    write(tmp_path / "study" / "sweep.csv", "\n".join(rows))
    if why is None:
        assert "confirm" in finalists(context)
    else:
        with pytest.raises(LeftOutError, match=why):
            finalists(context)


def test_finalists_cost_what_their_own_trainings_took(tmp_path: Path) -> None:
    context = context_of(tmp_path, "20min", 588.0, 61.0, ("hydra.sweeper.slots=2",))
    write_plan(tmp_path, epochs=12, longest_epochs=21, steps=90, steps_on_all=100)
    context.state.stages["search"] = StageState("done", 498.0, starts=1)
    took = {5: 157, 13: 300, 17: 195, 3: 87, 4: 37}  # the best is not the slowest
    rows = [
        f"{number},complete,,{0.91 - 0.01 * rank},{s},"
        for rank, (number, s) in enumerate(took.items())
    ]
    rows += ["0,paused,,,39,6", "2,killed,,,103,", "9,paused,,,59,2"]
    table = ["number,kind,reason,value,seconds,paused_at", *rows]
    write(tmp_path / "study" / "sweep.csv", "\n".join(table))
    again = StageContext(context.request, tmp_path, context.state)
    command = finalists(again)
    assert "top=1" in command
    assert again.searched_costs().training == 39 * 12 / 6, "side by side"
    left = again.left - value_in(command, "hydra.sweeper.timeout")
    assert left > 61 * 10 / 9 + again.costs().ending, "the training on all data has its time"


def test_what_can_be_done_later_does_not_exceed_the_budget(tmp_path: Path) -> None:
    assert "export" in export(context_of(tmp_path, "10min", 600.0))
    with pytest.raises(LeftOutError, match="later: convsweep export"):
        export(context_of(tmp_path, "10min", 650.0))
    context = context_of(tmp_path, "10min", 650.0)
    object.__setattr__(context.request, "seconds", None)
    assert math.isinf(context.left)
    assert "export" in export(context)
