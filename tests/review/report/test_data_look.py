"""The section of a report on the look at the data."""

import json
from pathlib import Path

from convsweep.review.report.rendering.blocks import Bullets, Picture, Table
from convsweep.review.report.sections.data_look import look_blocks


def test_the_look_of_a_plan_is_shown_with_its_faults_and_pictures(tmp_path: Path) -> None:
    look = {"rows": [["parts", "8 train, 2 val"]], "faults": [{"text": "1 = 2"}]}
    (tmp_path / "look.json").write_text(json.dumps(look))
    (tmp_path / "samples.png").write_bytes(b"png")
    table, _, faults, picture = look_blocks(str(tmp_path / "plan.json"))
    assert isinstance(table, Table)
    assert table.rows == [["parts", "8 train, 2 val"]]
    assert isinstance(faults, Bullets)
    assert faults.items == ["1 = 2"]
    assert isinstance(picture, Picture)
    assert picture.title == "samples"


def test_without_a_plan_there_is_no_section(tmp_path: Path) -> None:
    assert look_blocks(None) == []
    assert look_blocks(tmp_path / "plan.json") == []
