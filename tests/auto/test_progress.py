"""What a search must beat, and by how much chance lets two networks differ."""

import json
from pathlib import Path

import pytest

from convsweep.auto.files import Files
from convsweep.auto.progress import to_beat


@pytest.mark.parametrize(
    ("score", "end"),
    [
        (0.9, "with 40 samples a difference below 13.9 points is chance"),
        (
            1.0,
            "with 40 samples a difference below 6.5 points is chance; no network can score more"
            " there, so the finalists decide",
        ),
    ],
)
def test_what_a_search_must_beat(tmp_path: Path, score: float, end: str) -> None:
    (tmp_path / "plan.json").write_text(json.dumps({"monitor": "val/accuracy", "num_val": 40}))
    (tmp_path / "baseline").mkdir()
    result = {"outcome": "complete", "objectives": {"val/accuracy": score}}
    (tmp_path / "baseline" / "result.json").write_text(json.dumps(result))
    assert to_beat(Files(tmp_path)) == f"to beat: val/accuracy {score:.4g} of the baseline; {end}"
