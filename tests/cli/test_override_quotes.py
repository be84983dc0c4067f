"""Values that Hydra's grammar knows only in quotes may be typed as they are."""

from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from convsweep.cli.override_quotes import quote_values


@pytest.mark.parametrize(
    "value", ["Bücher/große Fotos", "/data/a & b", "scans#2", "x;y!z", "写真", "a~b", "日本=1"]
)
def test_paths_reach_the_config_as_they_were_typed(value: str) -> None:
    (argument,) = quote_values([f"+data.root={value}"])
    assert OverridesParser.create().parse_override(argument).value() == value


def test_the_home_folder_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (argument,) = quote_values(["data.root=~/photos"])
    assert OverridesParser.create().parse_override(argument).value() == f"{tmp_path}/photos"


@pytest.mark.parametrize(
    "argument",
    [
        "-m",
        "--config-dir=Bücher",
        "~callbacks",
        "~a=b",
        "a=1",
        "a='ü'",
        'a="ü"',
        "a=[ü]",
        "a=ü,b",
        "a={b:ü}",
        "a=f(ü)",
        "a=\\",
    ],
)
def test_all_else_is_left_as_it_is(argument: str) -> None:
    assert quote_values([argument]) == [argument]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("data.holdout=2[4-9]", "data.holdout='2[4-9]'"),
        ("data.holdout=patient_[0-3]*", "data.holdout='patient_[0-3]*'"),
        ("data.holdout=[0-3]*", "data.holdout='[0-3]*'"),
        (r"data.holdout=2\[4-9\]", r"data.holdout=2\[4-9\]"),
        ("data.holdout=[a]", "data.holdout=[a]"),
        ("data.holdout=[a,b]", "data.holdout=[a,b]"),
        ("data.holdout=['2[4-9]',b]", "data.holdout=['2[4-9]',b]"),
    ],
)
def test_a_pattern_of_files_needs_no_quotes_for_hydra(given: str, expected: str) -> None:
    assert quote_values([given]) == [expected]


def test_a_pattern_of_groups_needs_no_quotes_for_hydra() -> None:
    assert quote_values([r"data.group=/(p\d+)[/_]", "data.group=choice(folder,null)"]) == [
        r"data.group='/(p\d+)[/_]'",
        "data.group=choice(folder,null)",
    ]
