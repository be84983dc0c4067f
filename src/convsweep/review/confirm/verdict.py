"""The verdict of a confirmation: winner, and whether it beats the baseline."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from convsweep.review.confirm.results import TEST, VALIDATION, Result, baseline_of
from hydra_study.intervals import CONFIDENCE, Difference

Answer = Literal[
    "better", "not_shown", "not_better", "worse", "no_baseline", "no_result", "unfinished"
]


@dataclass(frozen=True)
class Verdict:
    """The verdict of a confirmation.

    Attributes:
        answer: `better` or `worse` if the interval excludes zero; `not_shown` if the mean is better
            but the interval includes zero or does not exist; `not_better` if the mean is not
            better.
        words: the same as a sentence.
        winner: the best network of the search; None if none has a score.
        split: of the difference: the test split if there is one.
        difference: winner minus baseline.
    """

    answer: Answer
    words: str
    winner: Result | None = None
    split: str = TEST
    difference: Difference | None = None


def winner_of(results: Sequence[Result], maximize: bool) -> Result | None:
    """Return the best network of the search by its mean on the validation split.

    The test split is not used for the choice, so the winner's test score is not biased by
    selection. Networks whose trainings are all complete rank before those with failures.
    """
    sign = -1.0 if maximize else 1.0
    ranked = []
    for place, result in enumerate(results):
        score = result.spread(VALIDATION)
        if not result.candidate.is_baseline and score is not None:
            ranked.append((len(result.failed), sign * score.mean, place))
    return results[min(ranked)[2]] if ranked else None


def judge(results: Sequence[Result], metric: str, maximize: bool, unit: str = "seed") -> Verdict:
    """Return whether the winner beats the baseline.

    Args:
        results: of the networks.
        metric: the ranking objective.
        maximize: whether larger is better.
        unit: what differs between the trainings of a network, `seed` or `fold`.
    """
    winner = winner_of(results, maximize)
    baseline = baseline_of(results)
    if winner is None:
        is_open = any(result.num_open for result in results if not result.candidate.is_baseline)
        words = "No network of the search has a score " + (
            "yet." if is_open else "here: all of their trainings failed."
        )
        return Verdict("unfinished" if is_open else "no_result", words)
    name = winner.candidate.name
    split = TEST if winner.scores(TEST) else VALIDATION
    if baseline is None:
        return Verdict(
            "no_baseline",
            f"{name} is the best of the networks; there is no baseline to beat.",
            winner,
            split,
        )
    difference = winner.difference(baseline, split)
    if difference is None:
        reason = (
            "is not trained yet"
            if baseline.num_open
            else f"has no score with a {unit} of the winner's: its trainings failed"
        )
        return Verdict(
            "no_baseline",
            f"{name} is the best of the networks; the baseline {reason}.",
            winner,
            split,
        )
    answer = _answer(difference, maximize)
    return Verdict(
        answer,
        _words(answer, name, _figures(difference, unit), split, metric, maximize),
        winner,
        split,
        difference,
    )


def _answer(difference: Difference, maximize: bool) -> Answer:
    gain = difference.mean if maximize else -difference.mean
    if difference.includes_zero:
        return "not_shown" if gain > 0 else "not_better"
    return "better" if gain > 0 else "worse"


def _words(answer: Answer, name: str, figures: str, split: str, metric: str, maximize: bool) -> str:
    says = {
        "better": f"{name} beats the baseline",
        "not_shown": f"{name} is not shown to beat the baseline",
        "not_better": f"{name} does not beat the baseline",
        "worse": f"{name} does not beat the baseline, it is worse",
    }[answer]
    where = (
        f"{metric.removeprefix('val/')} on the {split} split, {'higher' if maximize else 'lower'}"
        " is better"
    )
    return f"{says}: {figures} ({where})."


def _figures(difference: Difference, unit: str) -> str:
    pairs = f"n = {difference.n} {unit}{'s' if difference.n > 1 else ''}"
    if difference.low is None or difference.high is None:
        return f"difference {difference.mean:+.4g}, {pairs}, which has no interval; say {unit}s=5"
    zero = "includes zero" if difference.includes_zero else "leaves zero out"
    interval = f"{CONFIDENCE:.0%} interval [{difference.low:+.4g}, {difference.high:+.4g}]"
    return f"difference {difference.mean:+.4g}, {interval} {zero}, {pairs}"
