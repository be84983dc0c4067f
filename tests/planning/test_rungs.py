"""Trials are first compared when no later comparison lies just before the end."""

import pytest

from convsweep.planning.rules.rungs import first_rung


@pytest.mark.parametrize(
    ("epochs", "first"), [(1, 1), (9, 1), (10, 2), (12, 2), (65, 8), (100, 12)]
)
def test_first_comparison(epochs: int, first: int) -> None:
    assert first_rung(epochs) == first


def test_after_two_comparisons_comes_the_end() -> None:
    assert all(9 * first_rung(epochs) >= epochs for epochs in range(1, 1000))
