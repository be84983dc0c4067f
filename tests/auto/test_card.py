"""The model card says what its scores rest on."""

from typing import Any

from convsweep.auto.card import rare_classes_text


def test_classes_with_few_test_samples_are_named_the_rarest_first() -> None:
    rows: list[dict[str, Any]] = [{"class": "a", "count": 19, "f1": 0.5}]
    rows += [{"class": "b", "count": 20, "f1": 0.5}, {"class": "c", "count": 0, "f1": None}]
    assert rare_classes_text(rows) == [
        "- Few test samples are of c (0), a (19): their scores are rough."
    ]
    (line,) = rare_classes_text([{"class": f"c{i}", "count": i, "f1": 0.5} for i in range(8)])
    assert line.startswith("- Few test samples are of c0 (0), c1 (1), ")
    assert "c4 (4) and 3 more classes:" in line
    assert rare_classes_text([{"class": "a", "count": 19, "dice": 0.5}]) == [], "positions"
    assert rare_classes_text([]) == []
