"""Means, spreads and intervals agree with hand and scipy; verdicts follow from them."""

import pytest
from scipy.stats import ttest_rel

from convsweep.review.confirm.candidates import Candidate, merge_overrides
from convsweep.review.confirm.results import Result, Training
from convsweep.review.confirm.verdict import judge, winner_of
from hydra_study.intervals import paired_difference, spread


def test_spread_by_hand() -> None:
    found = spread([1.0, 2.0, 6.0])
    assert found is not None
    assert (found.n, found.mean, found.low, found.high) == (3, 3.0, 1.0, 6.0)
    assert found.std == pytest.approx(7**0.5)
    assert spread([]) is None
    single = spread([4.0])
    assert single is not None
    assert single.std is None


def test_the_interval_is_that_of_a_paired_t_test() -> None:
    ours = {1: 0.91, 2: 0.93, 3: 0.92, 5: 0.95, 7: 0.99}
    theirs = {1: 0.90, 2: 0.91, 3: 0.93, 5: 0.93, 8: 0.10}
    found = paired_difference(ours, theirs)
    shared = [1, 2, 3, 5]
    expected = ttest_rel(
        [ours[seed] for seed in shared], [theirs[seed] for seed in shared]
    ).confidence_interval(0.95)
    assert found is not None
    assert found.n == 4
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    # By hand: differences 0.01 0.02 -0.01 0.02, mean 0.01, s = sqrt(0.0006 / 3), t(3) = 3.182446
    half = 3.182446 * (0.0006 / 3) ** 0.5 / 2
    assert (found.low, found.high) == pytest.approx((0.01 - half, 0.01 + half), abs=1e-6)
    assert found.includes_zero


def test_the_interval_over_folds_is_wider_as_their_trainings_share_samples() -> None:
    values, others = {0: 1.0, 1: 2.0, 2: 4.0}, {0: 0.0, 1: 0.0, 2: 0.0}
    seeds, folds = paired_difference(values, others), paired_difference(values, others, 1 / 2)
    assert seeds is not None
    assert folds is not None
    assert folds.high is not None
    assert seeds.high is not None
    # variance s^2 (1/3 + 1/2) instead of s^2 / 3
    assert folds.high - folds.mean == pytest.approx(2.5**0.5 * (seeds.high - seeds.mean))


def test_one_pair_has_no_interval_and_none_no_difference() -> None:
    one = paired_difference({1: 2.0, 2: 9.0}, {1: 1.0})
    assert one is not None
    assert (one.n, one.mean, one.low, one.includes_zero) == (1, 1.0, None, True)
    assert paired_difference({1: 2.0}, {2: 1.0}) is None


def result(name: str, validation: list[float | None], test: list[float]) -> Result:
    """A network whose training with the k-th seed has the k-th scores; None failed."""
    trainings = [
        (
            Training(seed, "diverged", "NaN")
            if score is None
            else Training(seed, "complete", scores={"validation": score, "test": test[seed]})
        )
        for seed, score in enumerate(validation)
    ]
    return Result(Candidate(name, []), trainings)


def test_the_winner_is_chosen_on_the_validation_split_and_judged_on_the_test_split() -> None:
    first = result("trial 0", [0.9, 0.9], [0.1, 0.2])
    second = result("trial 1", [0.8, 0.8], [0.9, 0.9])
    baseline = result("baseline", [0.1, 0.1], [0.3, 0.3])
    results = [second, first, baseline]
    assert winner_of(results, maximize=True) is first
    verdict = judge(results, "val/accuracy", maximize=True)
    assert (verdict.split, verdict.winner) == ("test", first)
    assert verdict.difference is not None
    assert verdict.difference.mean == pytest.approx(-0.15)
    assert verdict.answer == "not_better"


@pytest.mark.parametrize(
    ("scores", "maximize", "answer"),
    [
        ([0.9, 0.91, 0.92], True, "better"),
        ([0.9, 0.91, 0.92], False, "worse"),
        ([0.1, 0.11, 0.12], False, "better"),
        ([0.4, 0.9, 0.6], True, "not_shown"),
        ([0.9, 0.1, 0.2], True, "not_better"),
    ],
)
def test_answers(scores: list[float], maximize: bool, answer: str) -> None:
    verdict = judge(
        [result("trial 0", list(scores), scores), result("baseline", [0.5] * 3, [0.5] * 3)],
        "val/loss",
        maximize,
    )
    assert verdict.answer == answer
    assert ("includes zero" in verdict.words) == (answer in ("not_shown", "not_better"))
    assert "n = 3 seeds" in verdict.words


def test_a_network_that_sometimes_fails_goes_behind_one_that_does_not() -> None:
    shaky, steady = (
        result("trial 0", [0.99, None, 0.99], [0.9] * 3),
        result("trial 1", [0.9, 0.9, 0.9], [0.9] * 3),
    )
    assert winner_of([shaky, steady], maximize=True) is steady
    assert judge([shaky], "val/accuracy", maximize=True).answer == "no_baseline"
    assert (
        judge([result("trial 0", [None], [0.0])], "val/accuracy", maximize=True).answer
        == "no_result"
    )


def test_the_last_override_of_a_key_wins() -> None:
    assert merge_overrides(["a=1", "+b=2", "model/net=x", "a=3", "~b"]) == [
        "a=3",
        "~b",
        "model/net=x",
    ]
