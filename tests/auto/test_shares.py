"""A budget is shared out whole, and what does not fit is left out in the stated order."""

import pytest

from convsweep.auto.shares import (
    FINALS_SHARE,
    MIN_TRAININGS,
    Costs,
    Shares,
    check_least,
    fit_finals,
    share_out,
)
from convsweep.errors import UserError

COSTS = Costs(training=10, retraining=12, start=2, ending=20)


@pytest.mark.parametrize("left", range(40, 1200, 37))
def test_the_shares_never_exceed_what_is_left(left: int) -> None:
    shares = share_out(left, COSTS, 3, 5)
    used = shares.search + shares.finals + shares.winner + COSTS.ending
    assert used <= left + 1e-9
    if shares.search:
        assert used == pytest.approx(left)
        assert shares.finals <= FINALS_SHARE * (shares.search + shares.finals) + 1e-9
        assert shares.search >= COSTS.start + MIN_TRAININGS * COSTS.training


def kept(shares: Shares) -> tuple[int, int, bool, bool]:
    return shares.top, shares.seeds, shares.winner > 0, shares.search > 0


def test_what_is_left_out_first() -> None:
    seen = [kept(share_out(left, COSTS, 3, 5)) for left in range(1200, 20, -1)]
    order = [one for number, one in enumerate(seen) if number == 0 or one != seen[number - 1]]
    assert order == [
        (3, 5, True, True),
        (2, 5, True, True),
        (2, 4, True, True),
        (2, 3, True, True),
        (1, 3, True, True),
        (1, 3, False, True),
        (0, 0, True, False),
        (0, 0, False, False),
    ]


def test_what_is_left_out_is_said() -> None:
    assert share_out(1200, COSTS, 3, 5).left_out == ()
    assert "instead of 3 with 5" in share_out(300, COSTS, 3, 5).left_out[0]
    assert [text.partition(":")[0] for text in share_out(40, COSTS, 3, 5).left_out] == [
        "the search and its finalists"
    ]


def test_finalists_that_fit_are_the_most() -> None:
    assert fit_finals(1000, COSTS, 3, 5) == (3, 5)
    assert fit_finals(COSTS.of_finals(2, 3), COSTS, 3, 5) == (2, 3)
    assert fit_finals(COSTS.of_finals(1, 3) - 1, COSTS, 3, 5) is None
    assert fit_finals(COSTS.of_finals(1, 2), COSTS, 1, 2) == (1, 2)


def test_a_budget_below_one_training_is_refused() -> None:
    check_least(COSTS.least + 5, 5, COSTS, "40 s")
    with pytest.raises(UserError, match="which take 40 s"):
        check_least(COSTS.least + 4, 5, COSTS, "40 s")
