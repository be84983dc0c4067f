"""What a search must beat, and by how much chance lets two networks differ."""

from pathlib import Path

import pytest

from convsweep.auto.context import StageContext
from convsweep.auto.progress import text_to_beat
from convsweep.auto.request import parse_request
from convsweep.auto.state import StageState, State
from convsweep.metrics.direction import better_mode

from .conftest import result, write, write_plan

CHANCE = "with 40 samples a difference below {} points is chance"


def test_samples_of_a_group_are_no_measure_of_chance(tmp_path: Path) -> None:
    write_plan(tmp_path, overrides=["data=digits", "data.group=folder"])
    write(tmp_path / "baseline" / "result.json", result(0.9, 3))
    state = State([], {"search": StageState(command=["train", "-m"])})
    context = StageContext(parse_request(["data=digits", "budget=1h"]), tmp_path, state)
    assert text_to_beat(context) == "to beat: val/accuracy 0.9 of the baseline"


@pytest.mark.parametrize(
    ("metric", "score", "epochs", "end"),
    [
        ("val/accuracy", 0.9, 12, f"; {CHANCE.format(13.9)}"),
        (
            "val/accuracy",
            1.0,
            12,
            f"; {CHANCE.format(6.5)}; no network can score more there, so the finalists decide",
        ),
        ("val/pixel_accuracy", 0.9, 12, ""),
        ("val/mean_ap", 1.0, 12, "; no network can score more there, so the finalists decide"),
        ("val/si_snr_improvement", 1.5, 12, ""),
        ("val/mae", 1.5, 12, " (lower is better)"),
        (
            "val/f1",
            0.9,
            6,
            "; it had 12 epochs, trials have 6, and the finalists are compared at equal length",
        ),
    ],
)
def test_what_a_search_must_beat(
    tmp_path: Path, metric: str, score: float, epochs: int, end: str
) -> None:
    mode = better_mode(metric)
    write_plan(tmp_path, monitor=metric, mode=mode, num_val=40, epochs=12)
    done = {**result(score, 3), "objectives": {metric: score}}
    write(tmp_path / "baseline" / "result.json", done)
    command = ["train", "-m", f"trainer.max_epochs={epochs}"]
    state = State([], {"search": StageState(command=command)})
    context = StageContext(parse_request(["data=digits", "budget=1h"]), tmp_path, state)
    assert text_to_beat(context) == f"to beat: {metric} {score:.4g} of the baseline{end}"
