"""Intervals and calibration agree with values by hand."""

import numpy as np
import pytest

from convsweep.auto.evidence import (
    calibration,
    chance,
    chance_by_answers,
    interval_of_difference,
    interval_of_test,
    wilson,
)
from convsweep.auto.scores import scored_answers


def answers(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    """Return rows of a classification by true and predicted class."""
    return [
        {"sample": str(n), "true": true, "predicted": predicted, "probability": "0.5"}
        for n, (true, predicted) in enumerate(pairs)
    ]


def test_wilson() -> None:
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)  # Newcombe 1998
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert wilson(10, 10)[1] == pytest.approx(1.0)


def test_chance_of_two_networks() -> None:
    assert chance(0.5, 200) == pytest.approx(0.098, abs=1e-3)
    assert chance(1.0, 40) == pytest.approx(0.065, abs=1e-3), "not 0 where all answers are right"


def test_chance_by_the_answers_of_one_network() -> None:
    rows = answers(*[("a", "a")] * 80, *[("a", "b")] * 20)
    found = chance_by_answers("accuracy", rows)
    assert found == pytest.approx(chance(0.8, 100), rel=0.05), "as by the formula"
    assert chance_by_answers("f1", answers(*[("a", "a")] * 9)) is None, "all are right"
    assert chance_by_answers("loss", rows) is None


def test_calibration() -> None:
    said = [("0.95", True), ("0.95", False), ("0.55", True), ("0.55", True)]
    rows = [
        {"true": "a", "predicted": "a" if right else "b", "probability": share}
        for share, right in said
    ]
    found = calibration(rows)
    assert found is not None
    assert found.error == pytest.approx((abs(1.9 - 1) + abs(1.1 - 2)) / 4)
    assert (found.confidence, found.accuracy) == pytest.approx((0.75, 0.75))
    assert calibration([{"sample": "1", "loss": "0.1"}]) is None


def test_accuracy_has_wilsons_interval() -> None:
    rows = answers(*[("a", "a")] * 8, *[("a", "b")] * 2)
    found = interval_of_test("accuracy", rows)
    assert found is not None
    assert (found.low, found.high) == wilson(8, 10)
    assert interval_of_test("mean_ap", rows) is None, "an answer is one class"
    assert interval_of_test("accuracy", []) is None


def test_macro_f1_by_hand() -> None:
    # a: 1 right of 2 true and 1 predicted; b: 1 right of 1 true and 2 predicted; c: none of either
    found = scored_answers("f1", answers(("a", "a"), ("a", "b"), ("b", "b")))
    assert found is not None
    assert found.score(found.values) == pytest.approx((2 / 3 + 2 / 3) / 2)
    assert found.score(found.values[:1]) == 1.0


def test_mean_average_precision_by_hand() -> None:
    # x: positives at ranks 1 and 3 of 3; y: at rank 2; z: none, which has no precision
    cells = [("x", 0.9, 0.9, 0.1), ("y", 0.8, 0.8, 0.2), ("x", 0.7, 0.1, 0.3)]
    rows = [
        {
            "sample": str(n),
            "true": true,
            "predicted": "",
            "p_x": str(x),
            "p_y": str(y),
            "p_z": str(z),
        }
        for n, (true, x, y, z) in enumerate(cells)
    ]
    found = scored_answers("mean_ap", rows)
    assert found is not None
    assert found.score(found.values) == pytest.approx(((1 + 2 / 3) / 2 + 1 / 2) / 2)
    assert found.score(found.values[:1]) == 1.0
    assert interval_of_test("mean_ap", rows) is not None


def test_a_difference_is_paired_by_sample() -> None:
    rows = answers(*[("a", "a")] * 90, *[("a", "b")] * 110)
    better = answers(*[("a", "a")] * 100, *[("a", "b")] * 100)
    found = interval_of_difference("accuracy", better, rows)
    assert found is not None
    assert 0 < found.low < 0.05 < found.high  # unpaired, it would be -0.05 to 0.15
    with pytest.raises(AssertionError, match="same samples"):
        interval_of_difference("accuracy", better, rows[1:])


def masks(*counts: tuple[int, int, int]) -> list[dict[str, str]]:
    """Return rows of masks with 10 positions, by right, true and predicted of one class."""
    rows = []
    for right, true, predicted in counts:
        other = (10 - true - predicted + right, 10 - true, 10 - predicted)
        cells = {"a": (right, true, predicted), "b": other}
        kinds = ("right", "true", "predicted")
        rows.append(
            {
                f"{kind}_{name}": str(count)
                for name, three in cells.items()
                for kind, count in zip(kinds, three, strict=True)
            }
        )
    return rows


def test_scores_of_positions_and_numbers_by_hand() -> None:
    # a: 3 of 5 in the union, b: 5 of 7
    same = masks((3, 4, 4)) * 5
    values = {
        "miou": (3 / 5 + 5 / 7) / 2,
        "iou/b": 5 / 7,
        "dice": (6 / 8 + 10 / 12) / 2,
        "sample_dice/a": 6 / 8,
        "foreground_dice": 10 / 12,
        "pixel_accuracy": 0.8,
    }
    for metric, value in values.items():
        found = interval_of_test(metric, same)
        assert found is not None
        assert (found.low, found.high) == pytest.approx((value, value)), metric
    rows = [{"true_x": str(n), "predicted_x": str(n + (-1) ** n)} for n in range(40)]
    found = interval_of_test("mae", rows)
    assert found is not None
    assert (found.low, found.high) == (1.0, 1.0)
    found = interval_of_test("r2", rows)
    assert found is not None
    assert found.low < 1 - 40 / (40 * (40**2 - 1) / 12) < found.high


def test_samples_of_a_group_count_as_one() -> None:
    generator = np.random.default_rng(2)
    right = np.repeat(generator.random(40) < 0.7, 10)
    rows = [
        {
            "true": "a",
            "predicted": "a" if each else "b",
            "probability": "0.9",
            "group": f"patient {number // 10}",
        }
        for number, each in enumerate(right)
    ]
    found = interval_of_test("accuracy", rows)
    assert found is not None
    assert found.method == "bootstrap over 40 groups"
    share = right.mean()
    expected = 2 * 1.96 * np.sqrt(share * (1 - share) / 40)
    assert found.high - found.low == pytest.approx(expected, rel=0.15)
    single = interval_of_test(
        "accuracy", [{**row} | {"group": str(n)} for n, row in enumerate(rows)]
    )
    assert single is not None
    assert single.high - single.low < 0.4 * (found.high - found.low)


def test_the_bootstrap_is_as_wide_as_the_formula() -> None:
    generator = np.random.default_rng(1)
    errors = generator.normal(size=400)
    rows = [{"true_x": "0", "predicted_x": str(error)} for error in errors]
    found = interval_of_test("mae", rows)
    assert found is not None
    expected = 2 * 1.96 * np.abs(errors).std() / 20
    assert found.high - found.low == pytest.approx(expected, rel=0.1)
