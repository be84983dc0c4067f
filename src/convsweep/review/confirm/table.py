"""Terminal output of a confirmation: table of networks, failures, verdict."""

from collections.abc import Sequence

from rich.table import Table

from convsweep.review.confirm.document import Comparison
from convsweep.review.confirm.results import TEST, VALIDATION, Result, baseline_of
from convsweep.review.confirm.verdict import Verdict
from hydra_study.intervals import CONFIDENCE, Difference, Spread


def table(comparison: Comparison, results: Sequence[Result], verdict: Verdict) -> Table:
    """Return the table; the winner is starred."""
    baseline = baseline_of(results)
    split = verdict.split
    shown = Table(
        box=None,
        padding=(0, 2, 0, 0),
        title=comparison.metric.removeprefix("val/"),
        title_justify="left",
    )
    heads = [
        "network",
        "in the search",
        VALIDATION,
        TEST,
        f"{split} difference, {CONFIDENCE:.0%} interval",
        "parameters",
        f"{comparison.unit}s",
    ]
    for head in heads:
        shown.add_column(head, justify="left" if head == "network" else "right", no_wrap=True)
    for result in results:
        difference = (
            None if baseline is None or result is baseline else result.difference(baseline, split)
        )
        shown.add_row(
            result.candidate.name + (" *" if result is verdict.winner else ""),
            "" if result.candidate.found is None else f"{result.candidate.found:.4f}",
            spread_text(result.spread(VALIDATION)),
            spread_text(result.spread(TEST)),
            difference_text(difference),
            parameters_text(result),
            seeds_text(result),
        )
    return shown


def failures(results: Sequence[Result], unit: str = "seed") -> list[str]:
    """Return a line for every training that ended without a score."""
    return [
        f"{result.candidate.name}, {unit} {training.seed}:"
        f" {training.kind}{f', {training.reason}' if training.reason else ''}"
        for result in results
        for training in result.failed
    ]


def spread_text(spread: Spread | None) -> str:
    """Return mean and standard deviation."""
    if spread is None:
        return "-"
    return f"{spread.mean:.4f}" + ("" if spread.std is None else f" ± {spread.std:.4f}")


def difference_text(difference: Difference | None) -> str:
    """Return a difference with its interval."""
    if difference is None:
        return "-"
    interval = "" if difference.low is None else f" [{difference.low:+.4f}, {difference.high:+.4f}]"
    return f"{difference.mean:+.4f}{interval}"


def parameters_text(result: Result) -> str:
    """Return the number of parameters, if a training has recorded it."""
    costs = [training.cost for training in result.trainings if training.cost]
    return f"{costs[0]['params']:,}" if costs else "-"


def seeds_text(result: Result) -> str:
    """Return the number of complete trainings and of all."""
    complete = len(result.scores(VALIDATION))
    parts = [f"{complete} of {len(result.trainings)}"]
    parts += [f"{len(result.failed)} failed"] if result.failed else []
    parts += [f"{result.num_open} open"] if result.num_open else []
    return ", ".join(parts)
