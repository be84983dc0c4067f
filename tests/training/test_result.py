"""Objectives that a training reports to a sweep, and errors if they are missing."""

from math import inf, nan

import pytest

from convsweep.errors import DivergedError, UserError
from convsweep.training.result import objective_values


def test_objectives_are_told_in_their_order_as_floats() -> None:
    values = objective_values(
        ["macs", "val/accuracy"], {"val/accuracy": 0.5, "macs": 7, "val/loss": 1.0}
    )
    assert list(values.items()) == [("macs", 7.0), ("val/accuracy", 0.5)]


@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_a_training_without_a_number_has_diverged_for_the_run_as_for_its_sweep(
    value: float,
) -> None:
    with pytest.raises(DivergedError, match="val/loss must be finite, but is"):
        objective_values(["val/loss"], {"val/loss": value})


@pytest.mark.parametrize(
    ("name", "remedy"), [("val/loss", "let it validate"), ("macs", "choose other objectives")]
)
def test_what_was_not_measured_is_named(name: str, remedy: str) -> None:
    with pytest.raises(
        UserError, match=f"{name} must be measured by the training, but was not; {remedy}"
    ):
        objective_values([name], {"train/loss": 1.0, "macs": None})
