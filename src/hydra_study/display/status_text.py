"""Status of a sweep as text: lines for logs, a table for terminals."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optuna.trial import FrozenTrial

from hydra_study import attributes
from hydra_study.attributes import is_finalist, kind_of
from hydra_study.sweep_spec import SweepSpec
from hydra_study.trials.budget import Tally, tally

if TYPE_CHECKING:
    from rich.console import RenderableType


def line(trial: FrozenTrial, spec: SweepSpec) -> str:
    """Return one line about a finished or paused trial."""
    parts = [f"trial {trial.number}", kind_of(trial), values_text(trial, spec), params_text(trial)]
    reason = trial.user_attrs.get(attributes.REASON, "")
    if not reason and is_finalist(trial):
        reason = f"trial {trial.user_attrs[attributes.FINALIST_OF]} with another seed"
    return " ".join(part for part in parts if part) + (f" ({reason})" if reason else "")


def values_text(trial: FrozenTrial, spec: SweepSpec) -> str:
    """Return the values of a trial with their names; of a paused one its last report."""
    if kind_of(trial) == "paused":
        step = trial.user_attrs[attributes.PAUSED_AT]
        return f"at step {step} with {trial.intermediate_values[step]:.5g}"
    if trial.values is None or len(trial.values) != len(spec.objectives.names):
        return ""
    named = zip(spec.objectives.names, trial.values, strict=True)
    return " ".join(f"{name}={value:.5g}" for name, value in named)


def params_text(trial: FrozenTrial) -> str:
    """Return the parameters of a trial by the last part of their names."""
    named = ((name.rpartition(".")[2], value) for name, value in trial.params.items())
    return " ".join(
        f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in named
    )


def best_text(trial: FrozenTrial, spec: SweepSpec) -> str:
    """Return one line about the best trial."""
    return f"best: trial {trial.number}  {values_text(trial, spec)}  {params_text(trial)}"


def kinds_text(count: Tally, trials: Sequence[FrozenTrial]) -> str:
    """Return the number of trials of each kind, of the paused ones at each rung; empty without
    trials.
    """
    said = {kind: f"{number} {kind}" for kind, number in sorted(count.kinds.items()) if number}
    if "paused" in said:
        steps = (
            trial.user_attrs[attributes.PAUSED_AT] for trial in trials if kind_of(trial) == "paused"
        )
        at = (f"{number} at step {step}" for step, number in sorted(Counter(steps).items()))
        said["paused"] += f" ({', '.join(at)})"
    return ", ".join(said.values())


def seconds_left(
    count: Tally, trials: Sequence[FrozenTrial], spec: SweepSpec, seconds: float, at_once: int
) -> float | None:
    """Return an estimate of the remaining time in seconds, or None while there is none.

    Args:
        count: Counts of the trials.
        trials: The trials of the study.
        spec: The sweep.
        seconds: How long the study has run, over all its starts.
        at_once: Number of slots of all workers.
    """
    options = spec.options
    lengths = [float(trial.user_attrs.get(attributes.SECONDS, 0)) for trial in trials]
    known = [length for length in lengths if length]
    limits = [] if options.timeout is None else [max(0.0, options.timeout - seconds)]
    if options.n_trials is not None and known and at_once:
        limits.append(max(0, options.n_trials - count.charged) * sum(known) / len(known) / at_once)
    return min(limits, default=None)


def pace_text(
    count: Tally,
    trials: Sequence[FrozenTrial],
    spec: SweepSpec,
    workers: Sequence[Mapping[str, Any]],
) -> str:
    """Return how long a trial takes and how long the rest, at one moment; empty if unknown.

    Args:
        count: Counts of the trials.
        trials: The trials of the study.
        spec: The sweep.
        workers: States of the workers' heartbeats.
    """
    seconds = max((float(state.get("seconds", 0)) for state in workers), default=0.0)
    at_once = sum(int(state.get("slots", 0)) for state in workers)
    left = seconds_left(count, trials, spec, seconds, at_once)
    lengths = [float(trial.user_attrs.get(attributes.SECONDS, 0)) for trial in trials]
    known = [length for length in lengths if length]
    if not left or not known:
        return ""
    total = "" if spec.options.n_trials is None else f" of {spec.options.n_trials}"
    return (
        f"{count.charged}{total} trials done, {sum(known) / len(known):.1f} s a trial on average,"
        f" about {clock(left)} left with {at_once} at a time"
    )


def clock(seconds: float | None) -> str:
    """Return a duration as h:mm:ss, or `?`."""
    if seconds is None:
        return "?"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def table(
    trials: Sequence[FrozenTrial], workers: Mapping[str, Mapping[str, Any]], spec: SweepSpec
) -> "RenderableType":
    """Return the live table: counts by kind, the best trial, the running trials, the time left, the
    caption.

    Args:
        trials: The trials of the study.
        workers: States of the workers' heartbeats, by worker.
        spec: The sweep.
    """
    from rich.console import Group
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    count = tally(trials, spec.objectives)
    seconds = max((float(state.get("seconds", 0)) for state in workers.values()), default=0.0)
    at_once = sum(int(state.get("slots", 0)) for state in workers.values())
    total = spec.options.n_trials
    kinds = kinds_text(count, trials)
    left = clock(seconds_left(count, trials, spec, seconds, at_once))
    progress = f"{count.charged}/{'?' if total is None else total}"
    head = f"study {spec.options.study_name}   {progress}   {clock(seconds)}, about {left} left"
    lines = [Text(head, style="bold"), Text(kinds or "no trials yet")]
    if count.best is not None:
        lines.append(Text(best_text(count.best, spec), style="green"))
    running = Table(
        "worker", "slot", "trial", "time", "step", "value", "parameters", box=None, padding=(0, 1)
    )
    for number, state in enumerate(workers.values()):
        for one in (
            one for one in state.get("trials", []) if kind_of(trials[one["number"]]) == "running"
        ):
            step, value = (
                "" if one[key] is None else f"{one[key]:.5g}" for key in ("step", "value")
            )
            cells = (
                one["slot"],
                one["number"],
                clock(one["seconds"]),
                step,
                value,
                params_text(trials[one["number"]]),
            )
            running.add_row(str(number), *map(str, cells))
    caption = caption_text(spec.options.caption)
    below = [Padding(Text(caption, style="italic"), (1, 0, 0, 0))] if caption else []
    return Group(*lines, running, *below)


def caption_text(path: str | None) -> str:
    """Return the text of `hydra.sweeper.caption`; empty while there is no file."""
    if path is None:
        return ""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
