"""How long a trial of a sweep takes, and how long the rest."""

from types import SimpleNamespace
from typing import Any

import pytest
from optuna.trial import create_trial

from hydra_study import conclusion
from hydra_study.display.status_text import pace_text

TRIALS = [create_trial(value=0.5, user_attrs={"seconds": seconds}) for seconds in (20.0, 40.0)]
WORKERS = [{"seconds": 70.0, "slots": 2}]


@pytest.mark.parametrize(
    ("n_trials", "timeout", "text"),
    [
        (12, None, "2 of 12 trials done, 30.0 s a trial on average, about 0:02:30 left"),
        (12, 100.0, "2 of 12 trials done, 30.0 s a trial on average, about 0:00:30 left"),
        (None, 100.0, "2 trials done, 30.0 s a trial on average, about 0:00:30 left"),
        (2, None, ""),
    ],
)
def test_pace_is_of_the_trials_and_the_nearer_limit(
    n_trials: int | None, timeout: float | None, text: str
) -> None:
    spec: Any = SimpleNamespace(options=SimpleNamespace(n_trials=n_trials, timeout=timeout))
    count: Any = SimpleNamespace(charged=2)
    assert pace_text(count, TRIALS, spec, WORKERS).removesuffix(" with 2 at a time") == text


def test_a_search_ends_with_what_makes_its_scores_doubtful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conclusion, "early_values", lambda *trials, **options: None)
    monkeypatch.setattr(conclusion, "rungs_of", lambda *options: {})
    trials = [*TRIALS, create_trial(value=0.5, user_attrs={"remarks": ["few samples"]})]
    objectives = SimpleNamespace(reported_direction=None)
    spec: Any = SimpleNamespace(
        objectives=objectives, options=SimpleNamespace(schedule=None, pruner=None)
    )
    assert conclusion.closing_lines(spec, trials, None, None) == ["warning: few samples"]
