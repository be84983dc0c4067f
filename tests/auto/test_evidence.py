"""Intervals and calibration agree with values by hand."""

import pytest

from convsweep.auto.evidence import calibration, chance, interval_of_test, wilson


def test_wilson() -> None:
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)  # Newcombe 1998
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert wilson(10, 10)[1] == pytest.approx(1.0)


def test_chance_of_two_networks() -> None:
    assert chance(0.5, 200) == pytest.approx(0.098, abs=1e-3)


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


def test_only_accuracy_has_an_interval_of_samples() -> None:
    rows = [{"true": "a", "predicted": "a"}] * 8 + [{"true": "a", "predicted": "b"}] * 2
    assert interval_of_test("accuracy", rows) == wilson(8, 10)
    assert interval_of_test("miou", rows) is None
