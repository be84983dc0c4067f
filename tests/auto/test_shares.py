"""A budget is shared out whole, and what does not fit is left out in the stated order."""

from dataclasses import replace

import pytest

from convsweep.auto.shares import (
    FINALS_SHARE,
    MIN_TRAININGS,
    Costs,
    FinalsChoice,
    Shares,
    check_least,
    choices,
    fit_finals,
    share_out,
)
from convsweep.errors import UserError

WANTED = choices(3, 5)
COSTS = Costs(training=10, retraining=12, longest=60, start=2, ending=20)


@pytest.mark.parametrize("left", range(40, 1200, 37))
def test_the_shares_never_exceed_what_is_left(left: int) -> None:
    shares = share_out(left, COSTS, WANTED)
    used = shares.search + shares.finals + shares.winner + COSTS.ending
    assert used - COSTS.ending + COSTS.start * bool(shares.winner) <= left + 1e-9
    if shares.search:
        assert used == pytest.approx(left)
        assert shares.finals <= FINALS_SHARE * (shares.search + shares.finals) + 1e-9
        assert shares.search >= COSTS.start + MIN_TRAININGS * COSTS.training


def kept(shares: Shares) -> tuple[int, int, float, bool, bool]:
    finals = shares.chosen or FinalsChoice(0, 0)
    return finals.top, finals.each, shares.length, shares.winner > 0, shares.search > 0


def test_what_is_left_out_first() -> None:
    seen = [kept(share_out(left, COSTS, WANTED, 0.4)) for left in range(1200, 10, -1)]
    order = [one for number, one in enumerate(seen) if number == 0 or one != seen[number - 1]]
    assert [one for one in order if one[2] == 1] == [
        (3, 5, 1, True, True),
        (2, 5, 1, True, True),
        (1, 5, 1, True, True),
        (1, 4, 1, True, True),
        (1, 3, 1, True, True),
        (0, 0, 1, True, False),
        (0, 0, 1, False, False),
    ]
    assert [one for one in order if one[2] < 1] == [
        (1, 5, 0.5, True, True),
        (1, 4, 0.5, True, True),
        (1, 3, 0.5, True, True),
    ]


def test_the_training_on_all_data_is_long_and_has_what_a_search_would_not_use() -> None:
    assert share_out(1200, COSTS, WANTED).winner == COSTS.start + 60, "the recipe's length"
    assert share_out(240, COSTS, WANTED).winner == pytest.approx(0.25 * (240 - COSTS.ending))
    assert share_out(195, COSTS, WANTED).winner == COSTS.of_winner
    alone = share_out(COSTS.ending + 50, COSTS, WANTED)
    assert (alone.search, alone.winner) == (0, 50)


def test_report_and_export_are_left_out_before_the_training_on_all_data() -> None:
    least = COSTS.of_winner + COSTS.start  # of the test
    assert share_out(least, COSTS, WANTED).winner == COSTS.of_winner
    assert share_out(least - 1, COSTS, WANTED).winner == 0


def test_what_is_left_out_is_said() -> None:
    assert share_out(1200, COSTS, WANTED).left_out == ()
    assert "instead of 3 with 5" in share_out(300, COSTS, WANTED).left_out[0]
    assert [text.partition(":")[0] for text in share_out(40, COSTS, WANTED).left_out] == [
        "the search and its finalists"
    ]


def test_finalists_that_fit_are_the_most() -> None:
    assert fit_finals(1000, COSTS, WANTED) == FinalsChoice(3, 5)
    assert fit_finals(COSTS.of_finals(FinalsChoice(1, 4)), COSTS, WANTED) == FinalsChoice(1, 4)
    assert fit_finals(COSTS.of_finals(FinalsChoice(1, 3)) - 1, COSTS, WANTED) is None
    assert fit_finals(COSTS.of_finals(FinalsChoice(1, 2)), COSTS, choices(1, 2)) == FinalsChoice(
        1, 2
    )


def test_the_largest_finalist_fits_with_the_fewest_trainings() -> None:
    at_once = replace(COSTS, at_once=1.6)
    largest = at_once.largest_finalist(100, WANTED[0])
    exact = replace(at_once, of_best=(largest * COSTS.training,))
    assert exact.of_finals(FinalsChoice(1, 3)) == pytest.approx(100)
    for top, each in ((1, 3), (3, 1), (1, 1), (1, 2), (3, 5)):
        planned = FinalsChoice(top, each)
        assert at_once.largest_finalist(at_once.of_finals(planned), planned) > 1.499


def test_folds_are_preferred_and_whole() -> None:
    folds = [FinalsChoice(2, 5, "folds"), FinalsChoice(1, 5, "folds")]
    assert choices(2, 3, 5, only_folds=True) == folds
    assert choices(2, 3, 5) == [*folds, FinalsChoice(2, 3), FinalsChoice(1, 3)]
    assert str(folds[0]) == "2 with 5 folds each"


def test_finalists_are_left_out_before_seeds() -> None:
    def pairs(top: int, seeds: int) -> list[tuple[int, int]]:
        return [(each.top, each.each) for each in choices(top, seeds)]

    assert pairs(3, 5) == [(3, 5), (2, 5), (1, 5), (1, 4), (1, 3)]
    assert pairs(4, 3) == [(4, 3), (3, 3), (2, 3), (1, 3)]
    assert pairs(2, 2) == [(2, 2), (1, 2)]
    assert pairs(1, 1) == [(1, 1)]


def test_a_budget_below_one_training_is_refused() -> None:
    check_least(COSTS.least + 5, 5, COSTS, "40 s")
    with pytest.raises(UserError, match=r"which take 40 s with the 5\.0 s that are spent"):
        check_least(COSTS.least + 4, 5, COSTS, "40 s")
