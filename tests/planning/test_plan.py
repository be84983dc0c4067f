"""Plans: what is decided, by which rule, what is kept, and what is refused."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf
from optuna.distributions import CategoricalDistribution

from convsweep.data.files.fingerprints import changes, check_unchanged, fingerprint_files
from convsweep.data.sources.arrays import Arrays
from convsweep.data.sources.digits import Digits
from convsweep.errors import UserError
from convsweep.planning import baseline
from convsweep.planning.baseline import Baseline, choose_width, pace_of, steps_on_all
from convsweep.planning.decisions import Decisions
from convsweep.planning.folder import write
from convsweep.planning.given import parse_given
from convsweep.planning.look.look import Look
from convsweep.planning.measure import Measured, lowest
from convsweep.planning.plan import make_plan
from convsweep.planning.rules.balance import decide_balance
from convsweep.planning.rules.batch import decide_batch
from convsweep.planning.rules.network import decide_network
from convsweep.planning.rules.pace import Pace, check_budget
from convsweep.planning.rules.training import decide_epochs, decide_lr, leave_out_augmentation
from convsweep.planning.space import baseline_point, make_space
from convsweep.planning.text import next_lines
from convsweep.planning.writing import plan_text
from convsweep.task import CLASSIFICATION, SEGMENTATION
from convsweep.training.default_net import options_for
from hydra_study.space.parameters import distribution_of
from tests.conftest import Train


def decided(*overrides: str) -> Decisions:
    return Decisions(parse_given(["data=digits", *overrides]))


def a_look(*in_shape: int, task: str = CLASSIFICATION, counts: tuple[int, ...] = (9, 9)) -> Look:
    names = [f"class{number}" for number in range(len(counts))]
    return Look(task, list(in_shape), names, {"train": sum(counts)}, list(counts))


def a_pace(train_speed: float, num_train: int = 1000, given_epochs: int | None = None) -> Pace:
    speed = Measured(train_speed, 10 * train_speed, None, 60)
    return Pace(
        steps=num_train // 10,
        batch_size=10,
        num_val=100,
        slots=2,
        speed=speed,
        given_epochs=given_epochs,
    )


def test_a_plan_composes_with_its_search(tmp_path: Path) -> None:
    given = ["data=digits", "data.max_train=200", "optimizer.lr=0.004", "name='a: b'"]
    planned = make_plan(given, tmp_path, None)
    write(planned, tmp_path)
    assert planned.plan.num_train == 199  # about 200, stratified
    assert planned.plan.monitor == "val/accuracy"
    assert "optimizer.lr" not in {dimension.key for dimension in planned.space}
    for dimension in planned.space:
        low, high = dimension.values[0], dimension.values[-1]
        inside = low <= dimension.baseline <= high if dimension.is_interval else True
        assert inside, dimension
        assert dimension.is_interval or dimension.baseline in dimension.values
    command = [sys.executable, "-m", "convsweep", "train", "--config-dir", str(tmp_path)]
    command += ["--config-name", "plan", "sweeps=search", "--cfg", "all"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    config = yaml.safe_load(shown)
    assert config["optimizer"]["lr"] == 0.004
    assert config["name"] == "a: b"
    assert config["model"]["net"]["num_stages"] == 2
    sweeper = config["hydra"]["sweeper"]
    assert set(sweeper["prior"][0]) == set(sweeper["params"])
    assert sweeper["n_trials"] == planned.plan.num_trials
    assert config["data_files"] == str(tmp_path / "plan.json")
    assert {file.name for file in tmp_path.glob("*.png")} == {"samples.png"}
    record = json.loads((tmp_path / "plan.json").read_text())
    assert record["num_train"] == 199
    assert record["data_fingerprint"] == {}


def test_the_space_of_signals_has_lists_and_holds_the_baseline() -> None:
    decisions = decided()
    look = a_look(1, 427)
    decide_network(decisions, look, 16)
    decisions.decide("optimizer.lr", 0.003, "")
    space = {each.key: each for each in make_space(decisions, look, [])}
    assert space["model.net.width"].values == [[16, 32, 32], [48, 96, 96], [32, 64, 64]]
    assert [1, 4, 16] in space["model.net.dilation"].values
    searched = [each for each in space.values() if not each.is_interval]
    point, parser = baseline_point(searched), OverridesParser.create()
    for each in searched:
        distribution, _ = distribution_of(parser.parse_override(f"{each.key}={each.text}"))
        assert isinstance(distribution, CategoricalDistribution)
        assert len(distribution.choices) == len(each.values)
        assert point[each.key] in distribution.choices


def test_a_plan_finds_the_configs_of_one_s_own(tmp_path: Path) -> None:
    (tmp_path / "own/data").mkdir(parents=True)
    (tmp_path / "own/data/mine.yaml").write_text("defaults: [digits]\n")
    decisions = Decisions(parse_given(["data=mine", "--config-dir", str(tmp_path / "own")]))
    (tmp_path / "plan.yaml").write_text(plan_text(decisions, []))
    command = [sys.executable, "-m", "convsweep", "train", "--config-dir", str(tmp_path)]
    command += ["--config-name", "plan", "--cfg", "job"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert yaml.safe_load(shown)["data"]["_target_"].endswith("Digits")


def test_what_the_user_gives_is_kept_and_said() -> None:
    decisions = decided("data.batch_size=7")
    assert decide_batch(decisions, 10_000, dim=2, sample_bytes=784, is_dense=False) == 7
    assert decisions.made["data.batch_size"].why.startswith("given by you; by the rule")
    assert decisions.overrides() == []


@pytest.mark.parametrize(
    ("num_train", "dim", "is_dense", "batch"),
    [
        (60_000, 2, False, 64),
        (400, 2, False, 32),
        (200, 3, False, 16),
        (200, 3, True, 2),
        (5, 1, False, 2),
    ],
)
def test_batches_leave_steps_for_an_epoch(
    num_train: int, dim: int, is_dense: bool, batch: int
) -> None:
    assert decide_batch(decided(), num_train, dim, 1, is_dense=is_dense) == batch


@pytest.mark.parametrize(
    ("in_shape", "expected"),
    [
        ((1, 8, 8), {"num_stages": 2}),
        ((1, 28, 28), {"num_stages": 3}),
        ((3, 64, 64), {"num_stages": 3, "stem.stride": 2, "stem.pool": None}),
        ((3, 224, 224), {"num_stages": 4, "stem.stride": 2, "stem.pool": "max"}),
        ((1, 40), {"num_stages": 2, "kernel_size": 5}),
        ((1, 8000), {"num_stages": 6, "stem.stride": 4}),
    ],
)
def test_classifiers_follow_the_size(
    in_shape: tuple[int, ...], expected: dict[str, object]
) -> None:
    decisions = decided()
    decide_network(decisions, a_look(*in_shape), 16)
    assert {key: decisions.get(f"model.net.{key}") for key in expected} == expected


@pytest.mark.parametrize(
    "in_shape", [(3, 56, 56), (3, 64, 64), (3, 96, 96), (1, 160, 300), (1, 1500)]
)
def test_the_baseline_has_the_stem_and_stages_of_the_default_network(
    in_shape: tuple[int, ...],
) -> None:
    decisions, default = decided(), options_for(in_shape[1:])
    decide_network(decisions, a_look(*in_shape), 32)
    assert decisions.get("model.net.num_stages") == default["num_stages"]
    prefix = "model.net.stem."
    stem = {
        key.removeprefix(prefix): each.value
        for key, each in decisions.made.items()
        if key.startswith(prefix)
    }
    assert stem == default.get("stem", {})


def test_unets_halve_down_to_four_positions() -> None:
    decisions = decided()
    decide_network(decisions, a_look(3, 96, 96, task=SEGMENTATION), 16)
    assert decisions.get("model/net") == "unet_small"
    assert decisions.get("model.net.depth") == 4


def test_rare_classes_are_sampled_more_often_and_judged_by_f1() -> None:
    decisions = decided()
    decide_balance(decisions, a_look(1, 8, 8, counts=(90, 10)))
    assert decisions.get("data.sampling") == "square_root"
    assert decisions.get("model.monitor") == "val/f1"


def test_a_budget_below_one_baseline_says_what_it_takes() -> None:
    check_budget(a_pace(1000.0), 600, "")
    slow = a_pace(10.0)
    with pytest.raises(UserError, match=r"10 min 0 s do not pay; set budget=\d+min") as raised:
        check_budget(slow, 600, "")
    # 3 trainings of 305 s, two at a time at 0.8 of the speed, are half of 19 min; 2 min to start
    minutes = int(str(raised.value).rpartition("budget=")[2].removesuffix("min"))
    assert 21 < minutes < 25
    check_budget(slow, 60 * minutes, "")


def test_epochs_follow_from_speed_and_budget() -> None:
    pace = a_pace(1000.0)
    assert pace.affordable_epochs(None) == 30  # 3,000 steps of 100
    assert pace.affordable_epochs(10**6) == 30
    # half of 240 s, less two minutes, for 12 trainings, two at a time at 0.8 of the speed: 10.7 s
    # each, of which 2 s for the start
    assert pace.affordable_epochs(240) == 8  # a third for starts: 160 s of 240


def test_epochs_that_are_given_need_no_budget_for_others() -> None:
    slow = a_pace(10.0)  # 101 s an epoch
    with pytest.raises(UserError, match="one of 3 epochs"):
        check_budget(slow, 600, "")
    check_budget(a_pace(10.0, given_epochs=1), 600, "")
    with pytest.raises(UserError, match=r"one of 4 epochs .* or train fewer epochs"):
        check_budget(a_pace(10.0, given_epochs=4), 900, "")
    given = a_pace(1000.0, given_epochs=40)
    assert (given.wanted_epochs, given.fewest_epochs, given.longest_epochs) == (40, 40, 40)


def test_epochs_that_are_given_are_kept_and_the_rule_is_said() -> None:
    decisions = decided("trainer.max_epochs=40")
    assert decide_epochs(decisions, a_pace(1000.0, given_epochs=40), None) == 40
    why = decisions.made["trainer.max_epochs"].why
    assert why.startswith("given by you; by the rule it would be 30")


@pytest.mark.parametrize(
    ("given_epochs", "seconds", "width"), [(None, 1300, 8), (1, 600, 16), (1, 1300, 32)]
)
def test_the_width_follows_from_the_epochs_that_are_given(
    monkeypatch: pytest.MonkeyPatch, given_epochs: int | None, seconds: float, width: int
) -> None:
    tried = []

    def try_width(*arguments: Any, **_options: bool) -> Baseline:
        tried.append(arguments[3])
        return Baseline(OmegaConf.create(), a_pace(100.0, given_epochs=given_epochs), {})

    monkeypatch.setattr(baseline, "try_width", try_width)
    choose_width(decided(), a_look(1, 28, 28), Digits(), seconds, 2)
    assert tried[-1] == width


def test_an_epoch_of_few_samples_has_the_steps_of_the_training(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", x=np.zeros((48, 1, 8, 8), np.uint8), y=np.arange(48) % 2)
    options = {"batch_size": 4, "val_fraction": None, "test_fraction": None}
    data = Arrays(str(tmp_path / "data.npz"), **options, min_steps_per_epoch=20)
    data.setup()
    pace = pace_of(data, 1, Measured(96.0, 96.0, None, 8))
    assert pace.steps == 24  # two passes of 12
    assert pace.epoch_s == 1.0


def test_an_epoch_on_all_data_may_have_fewer_steps(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", x=np.zeros((60, 1, 8, 8), np.uint8), y=np.arange(60) % 2)
    options = {"batch_size": 4, "val_fraction": 0.2, "test_fraction": None}
    data = Arrays(str(tmp_path / "data.npz"), **options, min_steps_per_epoch=14)
    data.setup()
    pace = pace_of(data, 1, Measured(96.0, 96.0, None, 8))
    assert pace.steps == 24  # two passes of 12
    assert steps_on_all(data, pace.num_val) == 15


def test_short_trainings_have_no_augmentation() -> None:
    for seconds, option in ((None, "shift"), (240, "none")):
        decisions = decided()
        decisions.choose("data/augment", "shift", "")
        left_out = leave_out_augmentation(decisions, a_look(1, 28, 28), a_pace(1000.0), seconds)
        assert left_out == ("shift" if option == "none" else None)
        assert decisions.get("data/augment") == option
    long = decided()
    long.choose("data/augment", "shift", "")
    pace = a_pace(1000.0, given_epochs=20)  # as many are trained, whatever the budget affords
    assert leave_out_augmentation(long, a_look(1, 28, 28), pace, 240) is None
    kept = decided("data/augment=shift")
    assert leave_out_augmentation(kept, a_look(1, 28, 28), a_pace(1000.0), 240) is None


def test_the_learning_rate_is_near_a_tenth_of_that_of_the_lowest_loss() -> None:
    rates, losses = [1e-4, 1e-3, 1e-2, 3e-2, 1e-1], [2.0, 1.9, 1.0, 0.9, float("nan")]
    assert lowest(rates, losses) == 3e-2
    assert lowest(rates, [1.0, 0.99, 0.98, 0.97, 1.0]) is None
    # noise of the first steps, before the rate has risen
    assert lowest([1e-4, 1e-4, 5e-4, *rates[1:]], [2.0, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5]) is None
    decisions = decided()
    assert decide_lr(decisions, Measured(1.0, 1.0, 3e-2, 60)) == 0.003
    assert decide_lr(decided(), Measured(1.0, 1.0, None, 60)) == 0.003
    assert decide_lr(decided(), Measured(1.0, 1.0, 1.2e-1, 60)) == 0.006


def test_changed_files_are_named(tmp_path: Path) -> None:
    data, plan = tmp_path / "data", tmp_path / "plan"
    for folder in (data, plan):
        folder.mkdir()
    for name in "abc":
        (data / name).write_text(name)
    before, record = fingerprint_files(data), plan / "plan.json"
    record.write_text(json.dumps({"data_fingerprint": before}))
    check_unchanged(record, before)
    (data / "a").write_text("z")
    (data / "b").unlink()
    (data / "d").write_text("d")
    now = fingerprint_files(data)
    assert changes(before, now) == {"new": ["d"], "missing": ["b"], "changed": ["a"]}
    with pytest.raises(UserError, match="1 new: d; 1 missing: b; 1 changed: a"):
        check_unchanged(record, now)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("experiment=unet_scenes", "a plan decides what experiment would"),
        ("optimizer.lr=1,2", "single values"),
        ("optimizer.lrr=1", "there is no such key"),
        ("--epochs", "no option --epochs"),
        ("trainer.max_epochs=-1", "a whole number >= 1, but is -1; leave it out"),
    ],
)
def test_what_a_plan_cannot_take_is_refused(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_given(["data=digits", text]).compose()


def test_training_on_other_files_than_planned_is_refused(
    train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x = np.zeros((20, 1, 8, 8), np.float32)
    np.savez(tmp_path / "data.npz", x=x, y=np.arange(20) % 2)
    (tmp_path / "plan.json").write_text(json.dumps({"data_fingerprint": {"data.npz": "1-0"}}))
    given = [f"data.path={tmp_path / 'data.npz'}", f"data_files={tmp_path / 'plan.json'}"]
    with pytest.raises(SystemExit):
        train("data=arrays", *given)
    assert "1 changed: data.npz" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["data.root=missing"], "does not exist"),
        (["data.root=.", "model=segmentation"], "the data is for classification"),
        (["data.root=.", "model.monitor=val/loss"], "set model.monitor_mode=min"),
    ],
)
def test_mistakes_are_reported_before_torch_is_imported(given: list[str], message: str) -> None:
    code = f"""
import sys
from convsweep.errors import UserError
from convsweep.planning.command import plan
try:
    plan(["data=image_folder", *{given}])
except UserError as error:
    print(error, "torch" in sys.modules)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert message in said.stdout
    assert said.stdout.endswith("False\n")


def test_the_next_commands_of_a_plan_by_folds_train_all_folds(tmp_path: Path) -> None:
    *_, search, folds = next_lines(tmp_path, 3)
    assert search.endswith("sweeps=search")
    assert folds.endswith("--config-name plan data.fold=0,1,2  # all folds")
    assert next_lines(tmp_path, 0)[-1] == search


def test_workers_multiply_the_time_of_a_search() -> None:
    alone = a_pace(1000.0)
    assert replace(alone, workers=3).search_s(600) == pytest.approx(3 * alone.search_s(600))
