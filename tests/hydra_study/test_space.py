"""Spaces in Hydra's grammar: distributions, conditions, computed values, points."""

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from hydra_study.config import PRUNERS, SAMPLERS, SCHEDULES
from hydra_study.errors import StudyError
from hydra_study.space.expressions import Expression, InactiveError
from hydra_study.space.grammar import parse_parameters
from hydra_study.space.space import Space
from hydra_study.space.whole_numbers import refuse_floats
from hydra_study.trials.changes import compare_spaces
from tests.hydra_study.conftest import MakeToy

DEPTH: dict[str, Any] = {
    "depth": "range(1,4)",
    "k1": "choice(3,5)",
    "k2": {"values": "choice(3,5)", "when": "depth >= 2"},
    "k3": {"values": [3, 5], "when": "depth >= 3"},
}


def space(params: dict[str, Any], *arguments: str) -> Space:
    return Space(parse_parameters(params, arguments, loader=None))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "distribution"),
    [
        ("range(1,5)", IntDistribution(1, 4)),
        ("range(2,9,2)", IntDistribution(2, 8, step=2)),
        ("range(0,1,0.25)", FloatDistribution(0, 0.75, step=0.25)),
        ("interval(0,1)", FloatDistribution(0, 1)),
        ("tag(log, interval(1e-4,1e-1))", FloatDistribution(1e-4, 1e-1, log=True)),
        ("int(interval(1,8))", IntDistribution(1, 8)),
        ("tag(log, int(interval(1,64)))", IntDistribution(1, 64, log=True)),
        ("3,5,7", CategoricalDistribution([3, 5, 7])),
        ("choice(relu,gelu)", CategoricalDistribution(["relu", "gelu"])),
        ("choice([1,2],[3])", CategoricalDistribution(["[1,2]", "[3]"])),
    ],
)
def test_the_override_grammar_gives_optuna_distributions(text: str, distribution: object) -> None:
    assert space({"x": text}).searched == {"x": distribution}


def test_no_inactive_parameter_is_suggested() -> None:
    generator = random.Random(0)
    for _ in range(200):
        point = space(DEPTH).random(generator)
        depth = point.values["depth"]
        assert set(point.values) == {"depth", "k1", "k2", "k3"} - {
            f"k{index}" for index in range(depth + 1, 4)
        }
        assert [text.split("=")[0] for text in point.overrides] == list(point.values)


def test_a_finite_space_lists_each_point_once() -> None:
    points = [tuple(sorted(point.values.items())) for point in space(DEPTH).points()]
    assert len(points) == len(set(points)) == space(DEPTH).size == 2 + 4 + 8
    assert space({"x": "interval(0,1)"}).size is None


def test_a_space_of_more_values_than_a_list_could_hold_is_drawn_from() -> None:
    huge = space({"x": "int(interval(1,1000000000000))"})
    assert huge.size is None
    drawn = [huge.random(random.Random(seed)).values["x"] for seed in range(50)]
    assert len(set(drawn)) == 50
    assert all(1 <= value <= 10**12 for value in drawn)


def test_whole_numbers_on_a_logarithmic_scale_are_drawn_so() -> None:
    widths = space({"x": "tag(log, range(1,1025))"})
    generator = random.Random(0)
    drawn = [widths.random(generator).values["x"] for _ in range(1000)]
    assert {1, 2} <= set(drawn) <= set(range(1, 1025))
    assert 15 < sorted(drawn)[500] < 35  # half of the logarithms from 0.5 to 1,024.5; else 512


def test_conditions_chain_and_an_inactive_parameter_makes_a_condition_false() -> None:
    params = {
        "c": {"values": "1,2", "when": "b == 2"},
        "b": {"values": "1,2", "when": "a == 'on'"},
        "a": "choice(on,off)",
    }
    assert {tuple(point.values) for point in space(params).points()} == {
        ("a", "b"),
        ("a", "b", "c"),
        ("a",),
    }


def test_an_error_of_a_sampler_is_not_taken_for_one_of_the_space() -> None:
    def fail(name: str, distribution: Any) -> Any:
        raise ValueError("in the sampler")

    with pytest.raises(ValueError, match=r"^in the sampler$"):
        Space(parse_parameters({"x": "interval(0,1)"}, [], loader=None)).point(fail)  # type: ignore[arg-type]


def test_variables_and_computed_values_make_lists() -> None:
    params = {
        "$depth": "range(1,4)",
        "$width": "choice(8,16)",
        "net.channels": {"compute": "[$width, $width * 2, $width * 4][:$depth]"},
    }
    assert space(params).at({"$depth": 2, "$width": 16}).overrides == ["net.channels=[16,32]"]


def test_a_list_leaves_out_the_parameters_that_do_not_exist() -> None:
    kernels = {
        "depth": "range(1,4)",
        "$k1": "choice(3,5)",
        "$k2": {"values": "choice(3,5)", "when": "depth >= 2"},
        "$k3": {"values": "choice(3,5)", "when": "depth >= 3"},
        "net.kernels": {"compute": "[$k1, $k2, $k3]"},
    }
    given = {"$k1": 5, "$k2": 5, "$k3": 5}
    for depth in (1, 2, 3):
        overrides = space(kernels).at({"depth": depth, **given}).overrides
        assert overrides == [f"depth={depth}", f"net.kernels=[{','.join(['5'] * depth)}]"]


def test_groups_and_fixed_values_take_part_in_conditions() -> None:
    params = {
        "model/net": "choice(mlp,cnn)",
        "model.net.k": {"values": "3,5", "when": "model/net == 'cnn' and size > 10"},
        "size": 28,
    }
    assert space(params).at({"model/net": "cnn"}).overrides == [
        "model/net=cnn",
        "size=28",
        "model.net.k=3",
    ]
    assert space(params, "size=8").at({"model/net": "cnn"}).overrides == ["model/net=cnn", "size=8"]


def test_the_command_line_replaces_the_config_of_the_same_key() -> None:
    replaced = space(DEPTH, "depth=2", "k2=7,9", "+extra=1", "~gone")
    assert list(replaced.at({}).values) == ["k1", "k2"]
    assert replaced.at({"k2": 9}).overrides == ["depth=2", "k1=3", "k2=9", "+extra=1", "~gone"]


@pytest.mark.parametrize("value", ["a b", "1", "it's", 1, True, "", "${y}"])
def test_every_choice_comes_back_as_the_value_it_was(value: Any) -> None:
    override = space({"x": {"values": [value, "other"]}}).at({"x": value}).overrides[0]
    assert OverridesParser.create().parse_override(override).value() == value


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"a": {"values": "1,2", "when": "b > 1"}, "b": {"values": "1,2", "when": "a > 1"}},
            "circle",
        ),
        ({"a": {"values": "1,2", "when": "nothing > 1"}}, "no parameter of the space"),
        ({"a": {"values": "1,2", "when": "__import__('os')"}}, "may not|no parameter"),
        ({"a": {"values": "1,2", "when": "().__class__"}}, "may not"),
        ({"a": {"values": "1,2", "when": "1 +"}}, "Python expression"),
        ({"a": {"value": "1,2"}}, "must have `values` or `compute`"),
        ({"a": "tag(log, interval(0,1))"}, "cannot be searched"),
        ({"a": "range(3,3)"}, "at least one value"),
    ],
)
def test_a_wrong_space_says_what_is_wrong(params: dict[str, Any], message: str) -> None:
    with pytest.raises(StudyError, match=message):
        space(params)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("model/net == 'cnn' or a.b > 100", True),
        ("not (a.b in [1, 2])", True),
        ("a.b if $v else 'a.b'", "a.b"),
        ("1 < a.b <= 3", True),
        ("max(a.b, 7) // 2", 3),
        ("-a.b ** 2", -9),
    ],
)
def test_expressions(text: str, value: object) -> None:
    point = {"model/net": "cnn", "a.b": 3, "$v": False}
    assert Expression(text, point)(point) == value


def test_an_inactive_parameter_in_an_expression_raises() -> None:
    with pytest.raises(InactiveError):
        Expression("a > 1", ["a"])({})


def test_a_difference_of_spaces_is_named() -> None:
    before, now = (
        space(DEPTH).describe(),
        space({**DEPTH, "k1": "choice(3,7)", "new": 1}, "depth=2").describe(),
    )
    assert compare_spaces(before, now) == [
        "new: added, fixed=1",
        "depth: kind=int, low=1, high=3 became fixed=2",
        "k1: choices=[3, 5] became choices=[3, 7]",
    ]


COMPOSE = """
import sys
from hydra import compose, initialize_config_dir
with initialize_config_dir(sys.argv[1], version_base=None):
    for group_and_name in sys.argv[2:]:
        config = compose("config", overrides=[f"hydra/sweeper/{group_and_name}"], return_hydra_config=True)
        assert "_target_" in config.hydra.sweeper[group_and_name.split("=")[0]]
"""  # noqa: E501


def test_samplers_pruners_and_schedules_are_groups(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("defaults: [{override hydra/sweeper: study}]\nx: 1\n")
    groups = {"sampler": SAMPLERS, "pruner": PRUNERS, "schedule": SCHEDULES}
    choices = [f"{group}={name}" for group, names in groups.items() for name in names]
    subprocess.run([sys.executable, "-c", COMPOSE, str(tmp_path), *choices], check=True)


@pytest.mark.parametrize(
    ("text", "remedies"),
    [
        ("interval(8,32)", ["net.width=int(interval(8,32))", "net.width=range(8,33)", "16.0"]),
        ("tag(log, interval(8,32))", ["net.width=tag(log, int(interval(8,32)))", "16.0"]),
    ],
)
def test_an_interval_of_floats_is_refused_for_a_whole_number_before_any_trial(
    toy: MakeToy, text: str, remedies: list[str]
) -> None:
    app = toy(
        "assert isinstance(cfg.net.width, int); return cfg.net.width",
        "net: {width: 16}",
        "n_trials: 3\nslots: 1",
    )
    output = app.refuse(f"net.width={text}")
    assert "Traceback" not in output
    assert "must be searched over whole numbers, but net.width is 16" in output
    assert all(remedy in output for remedy in remedies), output
    assert not app.sweep.exists()
    app.run(remedies[0])
    kinds = app.kinds()  # a width may be drawn twice
    assert set(kinds) <= {"complete", "duplicate"}, kinds
    assert kinds.count("complete") == 3


@pytest.mark.parametrize(
    ("params", "config"),
    [
        ({"x": "interval(0,1)"}, {"x": 0.0}),
        ({"x": "interval(0,1)"}, {"x": None}),
        ({"x": "interval(0,1)"}, {"x": False}),
        ({"x": "interval(0,1)"}, {"x": "${elsewhere:}"}),
        ({"x": "interval(0,0.3)"}, {"x": 0}),
        ({"x": "int(interval(0,9))"}, {"x": 0}),
        ({"+x": "interval(0,1)"}, {}),
        ({"$x": "interval(0,1)", "x": {"compute": "$x"}}, {"x": 0}),
        ({"n": "1,2", "x": {"values": "interval(0,1)", "when": "n == 2"}}, {"n": 1, "x": 0}),
    ],
)
def test_an_interval_is_accepted_where_floats_can_be_meant(
    params: dict[str, Any], config: dict[str, Any]
) -> None:
    searched = space(params)
    refuse_floats(searched, searched.at({}), lambda overrides: OmegaConf.create(config))


def test_the_type_of_a_key_is_read_from_the_config_without_its_interval() -> None:
    asked: list[list[str]] = []

    def compose(overrides: list[str]) -> DictConfig:
        asked.append(overrides)
        return OmegaConf.create({"width": 8, "x": "${width}"})

    searched = space({"net": "choice(a,b)", "x": "interval(0,1)", "fixed": "3"})
    with pytest.raises(StudyError, match=r"x is 8"):
        refuse_floats(searched, searched.at({}), compose)
    assert asked == [["net=a", "fixed=3"]]
