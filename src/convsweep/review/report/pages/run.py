"""The report of one run: outcome, scores, learning curves, network, pictures."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from convsweep.cli.console import short_path
from convsweep.cli.shell_command import shell_command
from convsweep.review.report.rendering.blocks import (
    Block,
    Card,
    Cards,
    Cell,
    Code,
    Figure,
    Grid,
    Notice,
    Page,
    Picture,
    Section,
    Table,
)
from convsweep.review.report.rendering.phrases import duration, network_card, number
from convsweep.review.report.sections.architecture import config_blocks
from convsweep.review.report.sections.data_look import look_blocks
from convsweep.run_folder import CONFIG, METRICS, read_result
from convsweep.tracking.metrics_file import read_metrics

PALETTE = ("@accent", "@warm", "@good", "@violet", "@teal", "@pink", "@sand", "@bad")
SPLITS = ("train", "val", "test")
# Size in bytes above which a picture is left out.
LARGEST_PICTURE = 1_500_000


def run_page(folder: Path) -> Page:
    """Return the report of the run in a folder."""
    result, config = read_result(folder), read_config(folder)
    name = str(config.get("name", folder.name))
    sections = [
        Section("In one minute", summary_blocks(result, config)),
        Section("Learning curves", curve_blocks(folder)),
        Section("The network", config_blocks(folder / CONFIG)),
        Section("Pictures", picture_blocks(folder)),
        Section("The data", look_blocks(config.get("data_files"))),
        Section("Run it again", again(folder)),
    ]
    return Page(
        f"Run {name}",
        f"`{short_path(folder.resolve())}`",
        [section for section in sections if section.blocks],
    )


def read_config(folder: Path) -> dict[str, Any]:
    """Return the resolved config, empty if it is missing."""
    path = folder / CONFIG
    content = OmegaConf.to_container(OmegaConf.load(path)) if path.is_file() else {}
    assert isinstance(content, dict)
    return {str(key): value for key, value in content.items()}


def summary_blocks(result: Mapping[str, Any], config: Mapping[str, Any]) -> list[Block]:
    """Return the outcome, the scores at the best checkpoint and the cost."""
    if not result:
        return [
            Notice("The run has not ended yet, or was killed before it could say how it ended.")
        ]
    blocks: list[Block] = []
    outcome = str(result.get("outcome"))
    if outcome != "complete":
        blocks.append(Notice(f"**{outcome}**: {result.get('reason', 'no reason was given')}"))
    cost = result.get("cost") or {}
    cards = [
        Card(f"best {name}", number(value), f"epoch {result.get('best_epoch')}")
        for name, value in (result.get("objectives") or {}).items()
    ]
    cards += [
        Card(name, number(value))
        for name, value in (result.get("test") or {}).items()
        if not name.endswith("/loss")
    ][:2]
    if cost:
        cards.append(network_card("network", cost["summary"]))
    early = " (stopped early)" if result.get("stopped_early") else ""
    cards.append(
        Card(
            "time",
            duration(result.get("seconds")),
            (
                f"{result['epochs']} epochs{early}, seed {config.get('seed')}"
                if "epochs" in result
                else ""
            ),
        )
    )
    found = {**(result.get("best") or {}), **(result.get("test") or {})}
    rows: list[list[Cell]] = [
        [name, value] for name, value in found.items() if name.partition("/")[0] in SPLITS
    ]
    scores: list[Block] = (
        [Table(["metric at the best checkpoint", "value"], rows, 20, in_markdown=40)]
        if rows
        else []
    )
    return [*blocks, Cards(cards), *scores]


def curve_blocks(folder: Path) -> list[Block]:
    """Return a figure for every metric of metrics.csv, with all its splits."""
    path = folder / METRICS
    rows = read_metrics(path) if path.is_file() else []
    names = [
        name
        for name in (rows[0] if rows else {})
        if "/" in name and any(row.get(name) for row in rows)
    ]
    by_metric: dict[str, list[str]] = {}
    for name in names:
        split, _, metric = name.partition("/")
        if split in ("train", "val"):
            by_metric.setdefault(metric, []).append(name)
    figures = [curve_figure(metric, columns, rows) for metric, columns in by_metric.items()]
    return [Grid(figures)] if figures else []


def curve_figure(metric: str, columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> Figure:
    """Return the learning curves of one metric."""
    data = []
    last: list[list[Cell]] = []
    for column, colour in zip(columns, PALETTE, strict=False):
        points = [(float(row["epoch"]) + 1, float(row[column])) for row in rows if row.get(column)]
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": column,
                "line": {"color": colour, "width": 2},
                "x": [epoch for epoch, _ in points],
                "y": [value for _, value in points],
            }
        )
        last.append([column, points[-1][1]])
    layout = {"xaxis": {"title": {"text": "epoch"}}, "margin": {"l": 44, "r": 8, "t": 6, "b": 40}}
    return Figure(metric, data, layout, height=250, instead=Table(["metric", "last value"], last))


def picture_blocks(folder: Path) -> list[Block]:
    """Return the run's pictures, embedded in the page."""
    files = [
        path
        for path in sorted((folder / "pictures").glob("*.png"))
        if path.stat().st_size <= LARGEST_PICTURE
    ]
    return [
        Picture(path.stem.replace("_", " "), base64.b64encode(path.read_bytes()).decode())
        for path in files
    ]


def again(folder: Path) -> list[Block]:
    """Return the commands that repeat and resume the run."""
    path = folder / ".hydra" / "overrides.yaml"
    overrides = map(str, OmegaConf.load(path)) if path.is_file() else ()
    return [
        Code(
            shell_command("train", *overrides)
            + "\n"
            + shell_command("train", f"resume={short_path(folder.resolve())}")
        )
    ]
