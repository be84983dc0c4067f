"""The benchmark for GPUs keeps what it measured, measures again what failed, keeps to its time and
compares like with like.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., tuple[Any, Any]]:
    monkeypatch.syspath_prepend(BENCHMARKS)
    for name in ("gpu", "gpu_watch", "measured"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import gpu

    def begin(**options: Any) -> tuple[Any, Any]:
        given = argparse.Namespace(
            minutes=1.0, limit=30.0, keep=tmp_path / "kept.jsonl", cpu=True, **options
        )
        return gpu, gpu.Bench(gpu.Kept(given.keep), given)

    return begin


def test_what_failed_is_kept_and_measured_again(
    bench: Callable[..., tuple[Any, Any]], tmp_path: Path
) -> None:
    gpu, first = bench()
    first.once(gpu.STEPS, "killed", 0, lambda: {"code": -9, "error": ""})
    first.once(gpu.STEPS, "broken", 0, lambda: 1 / 0)
    first.once(gpu.STEPS, "good", 0, lambda: {"images_s": 1000.0, "wall_s": 2.0})
    table = (tmp_path / "kept.md").read_text()
    assert "| killed | 0 (1 failed) |" in table
    assert "| broken | 0 (1 failed) |" in table
    assert "| good | 1 | 1,000 | 2.0 |" in table
    again: list[str] = []
    _, second = bench()
    for way in ("killed", "good"):
        second.once(gpu.STEPS, way, 0, lambda way=way: again.append(way) or {"wall_s": 1.0})
    assert again == ["killed"]


def test_nothing_begins_when_the_time_is_over(bench: Callable[..., tuple[Any, Any]]) -> None:
    gpu, late = bench()
    late.stop()
    late.once(gpu.STEPS, "late", 0, lambda: pytest.fail("begun"))
    assert late.kept.rows == []


def test_a_command_that_takes_too_long_is_ended_and_says_so(
    bench: Callable[..., tuple[Any, Any]],
) -> None:
    gpu, busy = bench()
    row = busy.run(
        [sys.executable, "-c", "import os; print(os.environ['GIVEN'])\nraise SystemExit(124)"],
        {"GIVEN": "told"},
    )
    busy.once(gpu.STEPS, "slow", 0, lambda: row)
    assert busy.kept.rows[0]["error"].startswith("too long: told")


def test_ours_is_compared_with_the_bare_loop_that_does_the_same_in_the_same_round(
    bench: Callable[..., tuple[Any, Any]],
) -> None:
    gpu, _ = bench()
    rows = {
        "bare, fp32": [100.0, 50.0],
        "bare, trainer=gpu": [200.0],
        "ours, fp32": [90.0, 55.0],
        "ours, read": [150.0],
    }
    ways = {
        way: [{"round": number, "images_s": value} for number, value in enumerate(found)]
        for way, found in rows.items()
    }
    assert gpu.ratio("ours, fp32", ways) == "1.000 (0.900 to 1.100)"
    assert gpu.ratio("ours, read", ways) == "0.750 (0.750 to 0.750) (bare, trainer=gpu)"
    assert all(has_bare or "trainer=gpu" in gpu.PAIRS for _, has_bare in gpu.PAIRS.values())
