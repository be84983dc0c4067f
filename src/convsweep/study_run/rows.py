"""What a study's run says in numbers: a row for every trial that ended, the summary, the config."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from optuna.trial import FrozenTrial

from convsweep.report.searched import facts
from convsweep.report.sweep import Sweep, moment, seconds_of
from hydra_plugins.study.search import attributes
from hydra_plugins.study.search.attributes import kind_of


def in_order_of_ends(sweep: Sweep) -> list[FrozenTrial]:
    """Return the trials that ended, the first to end first."""
    ended = [trial for trial in sweep.trials if trial.datetime_complete is not None]
    return sorted(ended, key=lambda trial: (moment(trial.datetime_complete), trial.number))  # type: ignore[arg-type]


def history_row(sweep: Sweep, ended: Sequence[FrozenTrial]) -> dict[str, Any]:
    """Return the row of the last of the trials that ended: its score, the best until then, how many of each kind there are."""
    trial = ended[-1]
    row: dict[str, Any] = {"trial": trial.number, "outcome": kind_of(trial)}
    complete = [one for one in ended if kind_of(one) == "complete" and one.values is not None]
    for index, name in enumerate(sweep.objectives):
        if complete and complete[-1] is trial:
            row[f"score/{name}"] = trial.values[index]
        if complete:
            values = [one.values[index] for one in complete]
            row[f"best/{name}"] = max(values) if sweep.maximise[index] else min(values)
    for kind, count in Counter(kind_of(one) for one in ended).items():
        row[f"outcomes/{kind}"] = count
    for name in ("params", "macs"):
        if isinstance(trial.user_attrs.get(name), int | float):
            row[f"cost/{name}"] = trial.user_attrs[name]
    seconds = seconds_of(trial)
    return row if seconds is None else row | {"cost/seconds": seconds}


def summary(sweep: Sweep) -> dict[str, Any]:
    """Return what is known of the whole study: the counts, and how to find the best trial."""
    counts = {f"outcomes/{kind}": count for kind, count in sweep.kinds.items()}
    best = sweep.best
    if best is None:
        return counts
    found = {"trial": best.number, "run": best.user_attrs.get("wandb_id")}
    for name in (attributes.FOLDER, attributes.CHECKPOINT):
        found[name] = best.user_attrs.get(name)
    params = {f"params/{name}": value for name, value in best.params.items()}
    return counts | {f"winner/{name}": value for name, value in {**found, **params}.items() if value is not None}


def study_config(sweep: Sweep) -> dict[str, Any]:
    """Return what was searched and how."""
    return {
        "study": sweep.name,
        "objectives": {
            name: "maximize" if more else "minimize" for name, more in zip(sweep.objectives, sweep.maximise, strict=True)
        },
        "space": sweep.facts.get(attributes.STUDY_SPACE, {}),
        "n_trials": sweep.option("n_trials"),
        "overrides": sweep.selected("hydra.overrides.task") or [],
        **facts(sweep),
    }
