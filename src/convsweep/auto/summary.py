"""The result of a run in five lines."""

from typing import Any

from convsweep.auto.evidence import interval_of_test
from convsweep.auto.files import Files
from convsweep.auto.shares import LEAST
from convsweep.auto.state import State
from convsweep.cli.console import short_path
from convsweep.cli.duration import duration_text
from convsweep.cli.energy import energy_text
from convsweep.cli.shell_command import shell_command
from convsweep.run_folder import read_result

# A share of the budget that is worth a word if it is not used.
UNUSED = 0.1


def summary_lines(files: Files, state: State) -> list[str]:
    """Return which network, how good, against the baseline, how large and fast, and how to use
    it.
    """
    networks = [short_path(folder.absolute()) for folder in files.networks]
    return [
        f"network  {network_text(files)}",
        f"score    {score_line(files)}",
        f"against  {against_text(files, state)}",
        f"size     {size_text(files)}",
        f"use      {shell_command('predict', *networks, 'FILES', '--out', 'answers')}",
    ]


def unused_text(files: Files, seconds: float | None, spent: float) -> str:
    """Return how much of a budget of time is not used, and why; empty below a tenth of it.

    Args:
        files: of the run.
        seconds: the budget.
        spent: of it.
    """
    if seconds is None or seconds - spent <= UNUSED * seconds:
        return ""
    epochs = int(files.winner_result.get("epochs") or 0)
    longest = files.longest_epochs
    if not epochs:
        why = "it holds none of the parts that are left out"
    elif epochs < longest and not files.stopped_early:
        why = f"an epoch of the last training, which had {epochs}, was quicker than those before"
    else:
        why = (
            f"the last training has all of its {epochs} epochs; for longer ones give"
            " trainer.max_epochs"
        )
    return f"{duration_text(seconds - spent)} are not used: {why}"


def used_energy(state: State, asked: float | None) -> str:
    """Return how much energy was used, and what counted it; empty if nothing did.

    Args:
        state: of the run.
        asked: the limit in joules; None: there is none.
    """
    if not state.counters:
        return ""
    limit = "" if asked is None else f" of {energy_text(asked)}"
    return f"{energy_text(state.joules)}{limit}, by {state.counters}"


def network_text(files: Files) -> str:
    """Return which network was chosen."""
    summary = str(cost_of(files).get("summary") or "").partition("\n")[0]
    if not files.takes_finalist:
        return f"the baseline of the plan ({summary})"
    chosen = files.chosen or {}
    params = ", ".join(
        f"{name.rpartition('.')[2]}={value:.3g}"
        if isinstance(value, float)
        else f"{name.rpartition('.')[2]}={value}"
        for name, value in (chosen.get("params") or {}).items()
    )
    return f"{chosen.get('name')} of {len(files.trials)} ({summary}): {params}"


def score_line(files: Files) -> str:
    """Return the score on the test part with its interval, or why there is none."""
    metric = files.metric.removeprefix("val/")
    score = files.evaluation.get("metrics", {}).get(metric)
    if score is None:
        return f"{validation_text(files)}, on validation samples that chose it; there was no test"
    count = int(files.evaluation["samples"])
    interval = interval_of_test(metric, files.samples)
    between = ""
    if interval is not None:
        between = f", 95 % interval {interval.low:.3f} to {interval.high:.3f}"
        between += f" ({interval.method})" if files.has_groups else ""
    return f"test {metric} {score:.4g}{between}, on {count:,} samples that nothing has seen before"


def validation_text(files: Files) -> str:
    """Return the validation score of the chosen network, over its seeds if there are several."""
    spread = None if files.chosen is None else files.chosen["validation"]
    if spread is None:
        value = files.baseline_value
        return f"{files.metric} {value:.4g} (one training)" if value is not None else "no score"
    deviation = "" if spread["std"] is None else f" ± {spread['std']:.2g}"
    return f"{files.metric} {spread['mean']:.4g}{deviation} ({spread['n']} {unit(files)})"


def against_text(files: Files, state: State) -> str:
    """Return how the best network of the search compares with the baseline."""
    if not files.confirmation:
        left = state.stages.get("finalists")
        why = "" if left is None or not left.note else f" ({left.note})"
        return f"nothing was compared{why}"
    verdict = files.confirmation["verdict"]
    words: dict[str, str] = {
        "better": "better",
        "not_shown": "better on average, which chance explains too: the baseline is the network",
        "not_better": "not better on average: the baseline is the network",
        "worse": "worse: the baseline is the network",
    }
    if files.takes_finalist:
        words["not_shown"] = (
            "better on average, which chance explains too, and costs no more: it is the network"
        )
    said = words.get(verdict["answer"], "not compared: the baseline is the network")
    best = files.confirmation.get("winner") or "the search"
    return f"{best} is {said}{difference_text(verdict['difference'], files)}"


def difference_text(difference: dict[str, Any] | None, files: Files) -> str:
    """Return a difference with its interval; empty if there is none."""
    if difference is None:
        return ""
    interval = (
        "no interval"
        if difference["low"] is None
        else f"95 % interval {difference['low']:+.4f} to {difference['high']:+.4f}"
    )
    few = "" if difference["n"] >= LEAST.each else ", too few to tell"
    return (
        f" ({files.metric} {difference['mean']:+.4f}, {interval}, {difference['n']} {unit(files)}"
        f"{few})"
    )


def unit(files: Files) -> str:
    """Return what the trainings of a finalist differ in."""
    return "folds" if files.confirmation.get("folds") else "seeds"


def size_text(files: Files) -> str:
    """Return parameters, the size of the file, and the latency of the exported program."""
    cost = cost_of(files)
    each = "" if len(files.networks) == 1 else f"{len(files.networks)} networks, each "
    parts = [f"{each}{cost['params']:,} parameters"] if cost.get("params") else []
    program = next(
        (file for name in ("model.onnx", "model.pt2") if (file := files.exported / name).is_file()),
        None,
    )
    if program is not None:
        size = program.stat().st_size / 2**20
        parts.append(f"{size:.2f} MiB in {short_path(program.absolute())}")
        times = files.export.get("milliseconds", {})
        fastest = min((each["1"] for each in times.values() if "1" in each), default=None)
        if fastest is not None:
            parts.append(f"{fastest:.3g} ms a sample on {files.export['machine']}")
    return ", ".join(parts) or "unknown"


def cost_of(files: Files) -> dict[str, Any]:
    """Return the cost of the chosen network, of one of an ensemble."""
    found: dict[str, Any] = read_result(files.networks[0]).get("cost") or {}
    return found
