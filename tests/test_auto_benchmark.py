"""The benchmark of `convsweep auto` says what a difference to another network means."""

import importlib
import json
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
ROW = {
    "set": "osuleaf",
    "metric": "accuracy",
    "mode": "max",
    "budget_s": 60.0,
    "auto_s": 67.0,
    "train_s": 20.0,
    "trials": 12,
    "complete": 4,
    "num_test": 242,
    "scores": {"auto": 0.9, "baseline": 0.8, "train": 0.7},
    "intervals": {"auto": [0.85, 0.95], "baseline": None, "train": None},
    "differences": {"baseline": [-0.01, 0.2], "train": [0.1, 0.3]},
    "load": 2.0,
    "machine": "2 cores, torch 2.15.0",
}


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("auto")


def test_differences_in_words(bench: ModuleType) -> None:
    assert bench.answer(ROW, "train") == "better"
    assert bench.answer({**ROW, "mode": "min"}, "train") == "worse"
    assert bench.answer(ROW, "baseline") == "as good"


def test_table(bench: ModuleType, tmp_path: Path) -> None:
    assert bench.table(bench.Kept(tmp_path / "missing.jsonl").rows) == "Nothing is measured yet."
    (tmp_path / "rows.jsonl").write_text(json.dumps(ROW) + "\n")
    text = bench.table(bench.Kept(tmp_path / "rows.jsonl").rows)
    assert "0.900 (0.850 to 0.950) | 0.800 | 0.700 | +0.200 (+0.100 to +0.300): better" in text
    assert "Of 1 sets the network of `auto` is 1 better, 0 as good, 0 worse" in text
    assert "0 kept the budget" in text


def test_longest_time(bench: ModuleType) -> None:
    assert bench.max_time(93_784) == "trainer.max_time=01:02:03:04"
