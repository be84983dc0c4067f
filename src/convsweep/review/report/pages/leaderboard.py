"""The report of a folder of runs: leaderboard by score and cost."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from convsweep.cli.console import short_path
from convsweep.review.confirm.results import test_metric
from convsweep.review.report.pages.run import PALETTE, read_config
from convsweep.review.report.rendering.blocks import (
    Block,
    Card,
    Cards,
    Cell,
    Figure,
    Page,
    Section,
    Table,
    Text,
)
from convsweep.review.report.rendering.phrases import count_text, duration, number
from convsweep.review.report.sections.cross_validation import FoldRun, cross_validation_blocks
from convsweep.run_folder import read_result

# Largest number of runs to read; of more, the last ones by name of their folders.
MOST = 2000
UNBEGUN = "Ended before they began"


def leaderboard_page(folder: Path, runs: Sequence[Path]) -> Page:
    """Return the leaderboard of the runs in a folder, one table for each monitored metric and data
    set.
    """
    told = [(run, read_result(run), read_config(run)) for run in runs[-MOST:]]
    groups: dict[str, list[Entry]] = {}
    for run, result, config in told:
        entry = Entry(run.relative_to(folder), result, config)
        groups.setdefault(entry.question, []).append(entry)
    outcomes = Counter(str(result.get("outcome", "unfinished")) for _, result, _ in told)
    summary = ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.most_common())
    which = (
        count_text(len(runs), "run")
        if len(told) == len(runs)
        else f"The last {MOST:,} of {len(runs):,} runs"
    )
    sections = [
        Section(
            "In one minute",
            [Text(f"{which} in `{short_path(folder.resolve())}`: {summary}."), *leaders(groups)],
        )
    ]
    unbegun = groups.pop(UNBEGUN, [])
    sections += [Section(question, board(entries)) for question, entries in groups.items()]
    sections += [Section(UNBEGUN, [refusals(unbegun)])] if unbegun else []
    return Page(f"Runs in {folder.resolve().name}", count_text(len(runs), "run"), sections)


class Entry:
    """One run of a leaderboard."""

    def __init__(self, path: Path, result: dict[str, Any], config: dict[str, Any]) -> None:
        self.path, self.result, self.config = path, result, config
        self.name = str(config.get("name", ""))
        monitor = config.get("monitor") or {}
        self.metric, self.maximise = (
            str(monitor.get("metric", "score")),
            monitor.get("mode") != "min",
        )
        self.question = (
            f"{self.metric} on {data_name(config.get('data') or {})}" if config else UNBEGUN
        )
        value = (result.get("best") or {}).get(self.metric)
        self.value: float | None = None if value is None else float(value)
        self.cost: dict[str, Any] = result.get("cost") or {}

    @property
    def rank(self) -> tuple[bool, float]:
        """Sort key: the best first, those without a score last."""
        return (
            self.value is None,
            0.0 if self.value is None else -self.value if self.maximise else self.value,
        )

    def fold_run(self, tested: str | None) -> FoldRun:
        """Return the run as one of a cross-validation."""
        test = (self.result.get("test") or {}).get(tested)
        return FoldRun(self.name, self.path, self.config, self.value, test)

    def row(self, tests: Sequence[str]) -> list[Cell]:
        """Return the cells of the run."""
        test = self.result.get("test") or {}
        seconds = self.result.get("seconds")
        return [
            self.name,
            self.value,
            *(test.get(name) for name in tests),
            self.cost.get("params"),
            self.cost.get("macs"),
            None if seconds is None else round(seconds, 1),
            self.config.get("seed"),
            str(self.result.get("outcome", "unfinished")),
            str(self.path),
        ]


def data_name(data: dict[str, Any]) -> str:
    """Return the class of a run's data and its place, since scores on different folders are not
    comparable.
    """
    kind = str(data.get("_target_", "")).rpartition(".")[2]
    which = (
        data.get("dataset")
        or data.get("path")
        or (data.get("root") if kind.endswith("Folder") else None)
    )
    return f"{kind} {which}" if which else kind


def leaders(groups: dict[str, list[Entry]]) -> list[Block]:
    """Return a card for the best run of every metric and data set."""
    best = {
        question: min(entries, key=lambda entry: entry.rank) for question, entries in groups.items()
    }
    cards = [
        Card(
            question,
            number(entry.value),
            f"{entry.name}, {duration(entry.result.get('seconds'))}, `{entry.path}`",
        )
        for question, entry in best.items()
        if entry.value is not None
    ]
    return [Cards(cards)] if cards else []


def board(entries: Sequence[Entry]) -> list[Block]:
    """Return the table of one metric and data set, and a figure of score against network size."""
    ranked = sorted(entries, key=lambda entry: entry.rank)
    tested = test_metric(ranked[0].metric)
    tests = (
        [tested]
        if tested and any(tested in (entry.result.get("test") or {}) for entry in ranked)
        else []
    )
    header = [
        "name",
        ranked[0].metric,
        *tests,
        "parameters",
        "MACs",
        "seconds",
        "seed",
        "outcome",
        "folder",
    ]
    blocks = cross_validation_blocks([entry.fold_run(tested) for entry in ranked], ranked[0].metric)
    blocks.append(Table(header, [entry.row(tests) for entry in ranked], in_markdown=50))
    known = [entry for entry in ranked if entry.value is not None and entry.cost.get("params")]
    return [*blocks, cost_figure(known)] if len(known) > 1 else blocks


def refusals(entries: Sequence[Entry]) -> Table:
    """Return the runs that were never trained, the last first, with reasons."""
    rows = [
        [
            str(entry.path),
            str(entry.result.get("outcome", "unfinished")),
            entry.result.get("reason"),
        ]
        for entry in entries
    ]
    return Table(["folder", "outcome", "reason"], rows[::-1])


def cost_figure(entries: Sequence[Entry]) -> Figure:
    """Return a figure of score against parameters, with one colour for each name."""
    names = list(dict.fromkeys(entry.name for entry in entries))
    data = []
    for index, name in enumerate(names):
        own = [entry for entry in entries if entry.name == name]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "marker": {"size": 9, "color": PALETTE[index % len(PALETTE)], "opacity": 0.8},
                "x": [entry.cost["params"] for entry in own],
                "y": [entry.value for entry in own],
                "text": [f"<b>{name}</b><br>{entry.path}" for entry in own],
                "hovertemplate": "%{text}<br>%{y} with %{x} parameters<extra></extra>",
            }
        )
    layout = {
        "xaxis": {"title": {"text": "parameters"}, "type": "log"},
        "yaxis": {"title": {"text": entries[0].metric}},
    }
    return Figure("Score against size", data, layout)
