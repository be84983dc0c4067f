"""Figures of two sweeps show them over the same time."""

from datetime import timedelta

from convsweep.review.report.sections.compare_figures import history_blocks
from tests.review.report.studies import START
from tests.review.report.test_facts import complete, sweep_of


def test_the_best_by_time_goes_forward_though_trials_end_out_of_order() -> None:
    trials = [complete(0.1, seconds=60.0), complete(0.2, seconds=60.0), complete(0.3, seconds=60.0)]
    for trial, ended in zip(trials, (1, 3, 2), strict=True):
        trial.datetime_start, trial.datetime_complete = START, START + timedelta(minutes=ended)
    blocks = history_blocks([sweep_of(trials)] * 2, ["one", "other"])
    by_time = blocks[1].data[0]  # type: ignore[union-attr]
    assert (by_time["x"], by_time["y"]) == ([1.0, 2.0, 3.0], [0.1, 0.3, 0.3])
