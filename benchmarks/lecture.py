"""Results of the lecture's experiments: a table over seeds, and training curves in one plot.

    python benchmarks/lecture.py table multirun/2026-11-22/19-31-33
    python benchmarks/lecture.py curves multirun/DAY/TIME multirun/... --out docs/depth.png

The folders are those of `train.py -m`. A run is named by the overrides in which the runs differ.
"""

import argparse
import csv
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from omegaconf import OmegaConf

SEED = "seed"
PANELS = {"train/loss": "training loss", "val/accuracy": "validation accuracy"}


@dataclass(frozen=True)
class Run:
    """A finished run: its folder, its overrides and its result."""

    folder: Path
    overrides: dict[str, str]
    result: dict[str, object]

    @property
    def test_accuracy(self) -> float:
        scores = self.result.get("test")
        return float(scores["test/accuracy"]) if isinstance(scores, dict) else float("nan")


def runs_in(folders: list[Path]) -> list[Run]:
    """Return the runs in folders of multiruns, sorted by number."""
    found = []
    for folder in folders:
        numbered = [
            path
            for path in folder.iterdir()
            if path.name.isdigit() and (path / "result.json").is_file()
        ]
        for path in sorted(numbered, key=lambda path: int(path.name)):
            overrides = dict(
                str(each).split("=", 1)
                for each in OmegaConf.load(path / ".hydra" / "overrides.yaml")
            )
            found.append(Run(path, overrides, json.loads((path / "result.json").read_text())))
    return found


def labels(runs: list[Run]) -> list[str]:
    """Return the overrides, except the seed, in which the runs differ."""
    keys = dict.fromkeys(key for run in runs for key in run.overrides if key != SEED)
    differing = [key for key in keys if len({run.overrides.get(key) for run in runs}) > 1]
    return [
        " ".join(
            f"{key.rpartition('.')[2]}={run.overrides[key]}"
            for key in differing
            if key in run.overrides
        )
        for run in runs
    ]


def table(runs: list[Run]) -> None:
    """Print mean and range of the test accuracy over the seeds, and the time."""
    groups: dict[str, list[Run]] = defaultdict(list)
    for label, run in zip(labels(runs), runs, strict=True):
        groups[label].append(run)
    for label, group in groups.items():
        scores = [100 * run.test_accuracy for run in group]
        seconds = [float(str(run.result["seconds"])) for run in group]
        outcomes = {str(run.result["outcome"]) for run in group} - {"complete"}
        print(
            f"{label:50} test {mean(scores):5.1f} ({min(scores):.1f} to {max(scores):.1f}),"
            f" {len(group)} runs, {mean(seconds):.0f} s {' '.join(outcomes)}"
        )


def curves(runs: list[Run], out: Path) -> None:
    """Draw training loss and validation accuracy by epoch, one line per run."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.6), layout="constrained")
    panels = figure.subplots(1, len(PANELS))
    for index, (label, run) in enumerate(zip(labels(runs), runs, strict=True)):
        with (run.folder / "metrics.csv").open() as file:
            rows = list(csv.DictReader(file))
        for axes, metric in zip(panels, PANELS, strict=True):
            points = [
                (int(row["epoch"]) + 1, float(row[metric]))
                for row in rows
                if row.get(metric) and row.get("epoch")
            ]
            style = "--" if "skip=none" in label else "-"
            axes.plot(
                *zip(*points, strict=True), style, color=colormaps["tab20"](index % 20), label=label
            )
    for axes, title in zip(panels, PANELS.values(), strict=True):
        axes.set(xlabel="epoch", title=title)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right upper", fontsize=7)
    figure.savefig(out, dpi=90)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("table", "curves"))
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, default=Path("curves.png"))
    options = parser.parse_args()
    runs = runs_in(options.folders)
    table(runs) if options.what == "table" else curves(runs, options.out)


if __name__ == "__main__":
    main()
