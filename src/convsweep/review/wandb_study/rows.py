"""History, summary and config of a study's W&B run."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from optuna.trial import FrozenTrial

from convsweep.review.report.sections.search_summary import overview
from convsweep.review.study import Sweep, moment, seconds_of
from convsweep.review.wandb_study.table import CHECKPOINT
from hydra_study import attributes, kind_of

STEP = "trials_ended"


def history(sweep: Sweep) -> Iterator[dict[str, Any]]:
    """Yield a row for every trial that ended, in order of their ends: score, best so far, count of
    each kind.
    """
    ended = [trial for trial in sweep.trials if trial.datetime_complete is not None]
    kinds: Counter[str] = Counter()
    best: dict[str, float] = {}
    for place, trial in enumerate(sorted(ended, key=_end)):
        kind = kind_of(trial)
        kinds[kind] += 1
        scores = (
            dict(zip(sweep.objectives, trial.values, strict=True)) if kind == "complete" else {}
        )
        for name, more in zip(sweep.objectives, sweep.maximise, strict=True):
            if name in scores:
                former = best.get(name, scores[name])
                best[name] = max(former, scores[name]) if more else min(former, scores[name])
        row: dict[str, Any] = {
            STEP: place + 1,
            "trial": trial.number,
            "outcome": kind,
            **_cost(trial),
        }
        for group, values in (("score", scores), ("best", best), ("outcomes", kinds)):
            row |= {f"{group}/{name}": value for name, value in values.items()}
        yield row


def _end(trial: FrozenTrial) -> tuple[datetime, int]:
    assert trial.datetime_complete is not None
    return moment(trial.datetime_complete), trial.number


def _cost(trial: FrozenTrial) -> dict[str, float]:
    costs = {
        "params": trial.user_attrs.get("params"),
        "macs": trial.user_attrs.get("macs"),
        "seconds": seconds_of(trial),
    }
    return {
        f"cost/{name}": value for name, value in costs.items() if isinstance(value, int | float)
    }


def summary(sweep: Sweep) -> dict[str, Any]:
    """Return the summary of the study: counts, and the best trial."""
    counts = {f"outcomes/{kind}": count for kind, count in sweep.kinds.items()}
    best = sweep.best
    if best is None:
        return counts
    attrs = best.user_attrs
    found = {
        "trial": best.number,
        "run": attrs.get("wandb_id"),
        "folder": attrs.get(attributes.FOLDER),
    }
    found["checkpoint"] = attrs.get(CHECKPOINT)
    params = {f"params/{name}": value for name, value in best.params.items()}
    return counts | {
        f"winner/{name}": value for name, value in {**found, **params}.items() if value is not None
    }


def study_config(sweep: Sweep) -> dict[str, Any]:
    """Return the space and the settings of the search."""
    return {
        "study": sweep.name,
        "objectives": {
            name: "maximize" if more else "minimize"
            for name, more in zip(sweep.objectives, sweep.maximise, strict=True)
        },
        "space": sweep.study_attrs.get(attributes.STUDY_SPACE, {}),
        "n_trials": sweep.option("n_trials"),
        "overrides": sweep.config_value("hydra.overrides.task") or [],
        **{
            name: text for name, text in overview(sweep).items() if name != "budget"
        },  # a budget of time
    }
