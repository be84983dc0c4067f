"""Settings of the search: space, sampler, pruner, schedule, budget."""

from collections.abc import Mapping
from typing import Any

from convsweep.review.report.rendering.blocks import Block, Table, Text
from convsweep.review.report.rendering.phrases import duration, list_text, number
from convsweep.review.study import Sweep, seconds_of
from hydra_study import SweepPaths, attributes


def searched_blocks(sweep: Sweep) -> list[Block]:
    """Return the space as a table, and the settings of the search."""
    blocks: list[Block] = [Table(["", ""], list(overview(sweep).items()), in_markdown=20)]
    space = space_rows(sweep)
    if space:
        blocks += [
            Text("**The space**"),
            Table(["parameter", "values", "exists where"], space, 30, in_markdown=60),
        ]
    return blocks


def overview(sweep: Sweep) -> dict[str, str]:
    """Return the settings of the search by name."""
    goals = [
        f"{'maximise' if more else 'minimise'} {name}"
        for name, more in zip(sweep.objectives, sweep.maximise, strict=True)
    ]
    known = {
        "objective": list_text(goals),
        "sampler": engine(sweep.option("sampler")),
        "pruner": engine(sweep.option("pruner")),
        "schedule": engine(sweep.option("schedule")),
    }
    known["budget"] = budget(sweep)
    choices = sweep.config_value("hydra.runtime.choices") or {}
    known["began from"] = list_text(
        [str(choices[key]) for key in ("data", "model", "model/net") if choices.get(key)]
    )
    if sweep.folder is not None:
        known["folder"] = str(sweep.folder)
    return {name: text for name, text in known.items() if text}


def budget(sweep: Sweep) -> str:
    """Return the budget and the part of it that is used."""
    timeout, target = sweep.option("timeout"), sweep.option("target")
    limits = [charged_text(sweep)]
    if timeout is not None:
        limits.append(f"at most {duration(float(timeout))}")
    if target is not None:
        limits.append(f"until {sweep.objectives[0]} {number(float(target))}")
    early_stopping = sweep.option("early_stopping")
    if early_stopping is not None:
        limits.append(f"at most {early_stopping['patience']} without a gain")
    worked = sweep_seconds(sweep)
    return ", ".join(limits) + (f", {duration(worked)} so far" if worked else "")


def charged_text(sweep: Sweep) -> str:
    """Return the number of trials that count, and the total."""
    total = sweep.option("n_trials")
    return (
        f"{sweep.num_charged:,} trials"
        if total is None
        else f"{sweep.num_charged:,} of {total:,} trials"
    )


def trial_seconds(sweep: Sweep) -> float:
    """Return the total seconds of all trials that have ended or were paused."""
    return sum(seconds_of(trial) or 0.0 for trial in sweep.trials)


def sweep_seconds(sweep: Sweep) -> float:
    """Return the seconds that the sweep ran, over all its starts; 0 if its folder is missing."""
    sessions = SweepPaths(sweep.folder).sessions if sweep.folder else None
    if sessions is None or not sessions.is_dir():
        return 0.0
    return sum(_seconds(path.read_text()) for path in sessions.iterdir())


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:  # being written at the moment
        return 0.0


def engine(config: Any) -> str:
    """Return a sampler, pruner or schedule as text: its class and the options that were set."""
    if not isinstance(config, Mapping) or config.get("_target_") is None:
        return ""
    name = str(config.get("_target_", "")).rpartition(".")[2]
    options = [
        f"{key}={value}"
        for key, value in config.items()
        if key != "_target_" and value is not None and not isinstance(value, Mapping)
    ]
    return f"{name} ({', '.join(options)})" if options else name


def space_rows(sweep: Sweep) -> list[list[str]]:
    """Return a row for each parameter of the space."""
    space: Mapping[str, Mapping[str, Any]] = sweep.study_attrs.get(attributes.STUDY_SPACE, {})
    if not space:
        return [[name, str(distribution), ""] for name, distribution in sweep.distributions.items()]
    return [
        [key, values_in_words(entry), str(entry.get("when", ""))] for key, entry in space.items()
    ]


def values_in_words(entry: Mapping[str, Any]) -> str:
    """Return the values of a parameter as text."""
    if "choices" in entry:
        return ", ".join(map(str, entry["choices"]))
    if "compute" in entry:
        return f"= {entry['compute']}"
    if "fixed" in entry:
        return f"{entry['fixed']} (fixed)"
    ends = f"{entry.get('low')} to {entry.get('high')}"
    step = f", step {entry['step']}" if "step" in entry else ""
    return ends + step + (", logarithmic" if entry.get("log") else "")
