"""Parallel coordinates have the axes of the trials that they show."""

from optuna.distributions import IntDistribution
from optuna.trial import TrialState, create_trial

from convsweep.review.report.sections.parallel import parallel_blocks
from tests.review.report.test_facts import sweep_of


def test_the_ticks_of_an_axis_are_the_choices_that_its_trials_have_taken() -> None:
    space = {"depth": IntDistribution(1, 4)}
    trials = [
        create_trial(
            value=0.1, params={"depth": depth}, distributions=space, user_attrs={"kind": "complete"}
        )
        for depth in (2, 3)
    ]
    trials.append(
        create_trial(
            state=TrialState.PRUNED,
            params={"depth": 4},
            distributions=space,
            user_attrs={"kind": "pruned"},
        )
    )
    trials.append(
        create_trial(
            state=TrialState.PRUNED,
            params={"depth": 1},
            distributions=space,
            user_attrs={"kind": "pruned"},
        )
    )
    axis = parallel_blocks(sweep_of(trials), ["depth"])[0].data[0]["dimensions"][0]  # type: ignore[union-attr]
    assert axis["ticktext"] == ["2", "3"]
    assert axis["range"] == [min(axis["tickvals"]), max(axis["tickvals"])]
