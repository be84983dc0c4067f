"""A benchmark goes on where it stopped, takes ratios within a round, and says what failed."""

import sys
from collections.abc import Iterator
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, Any]]:
    monkeypatch.syspath_prepend(BENCHMARKS)
    import measured
    import tables

    yield measured, tables
    for name in ("measured", "tables"):
        sys.modules.pop(name)


def test_only_what_is_missing_is_measured(
    modules: tuple[Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured, _ = modules
    run: list[list[str]] = []
    monkeypatch.setattr(
        measured, "run", lambda command, code: run.append(command) or {"wall_s": 1.0}
    )
    ways = [measured.Way("one", ["a", "{round}"]), measured.Way("two", ["b"])]
    measured.measure(measured.Kept(tmp_path / "kept.jsonl"), "start: it", ways, rounds=1)
    measured.measure(measured.Kept(tmp_path / "kept.jsonl"), "start: it", ways, rounds=2)
    assert run == [["a", "0"], ["b"], ["a", "1"], ["b"]]


def test_a_command_is_timed_and_its_figures_and_failures_are_kept(modules: tuple[Any, Any]) -> None:
    measured, _ = modules
    row = measured.run([sys.executable, "-c", "print('words'); print('{\"images_s\": 3.0}')"])
    assert row["images_s"] == 3.0
    assert 0 < row["cpu_s"] < row["wall_s"] * 2
    assert "error" not in row
    failing = [sys.executable, "-c", "raise SystemExit('no data')"]
    assert "no data" in measured.run(failing)["error"]
    assert "error" not in measured.run(failing, code=1)


def test_ratios_are_of_one_round(modules: tuple[Any, Any], tmp_path: Path) -> None:
    measured, tables = modules
    kept = measured.Kept(tmp_path / "kept.jsonl")
    for number, (bare, ours) in enumerate([(100.0, 90.0), (50.0, 50.0), (10.0, 11.0)]):
        for way, value in (("bare", bare), ("ours", ours)):
            kept.add(
                {"title": "steps: cnn", "way": way, "round": number, "images_s": value, "load": 1.0}
            )
    kept.add({"title": "steps: cnn", "way": "ours", "round": 3, "error": "no", "load": 1.0})
    tables.write_readme(tmp_path / "README.md", kept)
    text = (tmp_path / "README.md").read_text()
    assert "| ours | 3 (1 failed) | 50 (11 to 90) | 1.00 (0.90 to 1.10) |" in text
    assert "| bare | 3 | 50 (10 to 100) | 1.00 |" in text


def test_the_functions_that_are_timed_in_a_trial_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    import trial_cost

    for name in (name for names in trial_cost.PARTS.values() for name in names):
        module, _, attribute = name.partition(":")
        assert callable(attrgetter(attribute)(import_module(module))), name
