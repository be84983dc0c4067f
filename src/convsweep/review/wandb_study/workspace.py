"""`convsweep wandb-view SWEEP`: save a view of the W&B project that shows one study."""

import importlib.util
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from convsweep.cli import commands
from convsweep.cli.shell_command import shell_command
from convsweep.errors import MissingExtraError, UserError

PACKAGE, EXTRA = "wandb_workspaces", "workspace"
COSTS = ("cost/params", "cost/macs")
FIGURES = ("history", "importance", "parallel", "front", "timeline")


EXAMPLES = {
    "multirun/depth_kernel_digits": "prints the address of the view",
    "multirun/depth_kernel_digits > view.txt": "keeps the address in a file",
}
NOTES = """\
The view, named after the study, has the filter, the columns and the panels that
docs/review_in_wandb.md describes; each call saves another one. A sweep that ran offline is synced
first."""


def command_parser() -> ArgumentParser:
    """Return the parser of the command."""
    parser = commands.parser(
        "wandb-view", "Save a view of the W&B project that shows one study.", EXAMPLES, NOTES
    )
    parser.add_argument("sweep", metavar="SWEEP", type=Path, help="folder of the sweep")
    return parser


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    options = commands.parse(command_parser(), arguments)
    commands.run(lambda: print(save(options.sweep)))


def save(folder: Path) -> str:
    """Save the view of a sweep and return its address.

    Raises:
        UserError: the sweep has no run on a W&B server, or the package is not installed.
    """
    from convsweep.tracking.wandb.run import read_run_file

    run = read_run_file(folder)
    if not run.get("url"):
        rule = "a view is of a study that is on a W&B server"
        call = shell_command("wandb-study", str(folder))
        raise UserError(f"{rule}, but {folder} has no run there; sync it, then run: {call}")
    if importlib.util.find_spec(PACKAGE) is None:
        raise MissingExtraError("wandb-workspaces", EXTRA, "a view of a W&B project made by code")
    from wandb_workspaces import expr as by
    from wandb_workspaces.workspaces import RunsetSettings, Section, Workspace

    from convsweep.review.report.source import load_sweep

    sweep = load_sweep(str(folder), None)
    keys = [name for name in sweep.searched_params if not name.startswith("$")]
    best = best_of(sweep.objectives[0])
    made = Workspace(
        entity=run["entity"],
        project=run["project"],
        name=f"study {run['group']}",
        sections=[
            Section("Study", panels=study_panels(sweep.objectives), is_open=True, pinned=True),
            Section(
                "Trials", panels=trial_panels(sweep.objectives, keys), is_open=True, pinned=True
            ),
        ],
        runset_settings=RunsetSettings(
            filters=[by.Metric("Group") == run["group"]],
            order=[by.Ordering(by.Summary(best), ascending=not sweep.maximise[0])],
            pinned_columns=columns_of(sweep.objectives, keys),
        ),
    )
    return str(made.save().url)


def columns_of(objectives: Sequence[str], keys: Sequence[str]) -> list[str]:
    """Return the columns of the table of runs: scores, costs, and searched config keys."""
    summaries = dict.fromkeys([*map(best_of, objectives), *COSTS])
    configs = [f"config:{column_name(key)}" for key in ("run.trial", *keys)]
    return ["run:displayName", *(f"summary:{name}" for name in summaries), *configs]


def study_panels(objectives: Sequence[str]) -> list[Any]:
    """Return the panels of the study's own run."""
    from wandb_workspaces.reports.v2 import LinePlot, MediaBrowser, WeavePanelSummaryTable

    from convsweep.review.wandb_study.rows import STEP

    history = [
        LinePlot(title=f"best {name}", x=STEP, y=[f"best/{name}", f"score/{name}"])
        for name in objectives
    ]
    figures = MediaBrowser(title="figures", media_keys=[f"figures/{name}" for name in FIGURES])
    return [*history, WeavePanelSummaryTable(table_name="trials"), figures]


def trial_panels(objectives: Sequence[str], keys: Sequence[str]) -> list[Any]:
    """Return the panels of the trials' runs."""
    from wandb_workspaces.reports.v2 import (
        Config,
        LinePlot,
        MediaBrowser,
        ParallelCoordinatesPlot,
        ParallelCoordinatesPlotColumn,
        ParameterImportancePlot,
        RunComparer,
        ScatterPlot,
        SummaryMetric,
    )

    best = best_of(objectives[0])
    columns = [ParallelCoordinatesPlotColumn(Config(key)) for key in keys]
    columns.append(ParallelCoordinatesPlotColumn(SummaryMetric(best)))
    return [
        ParallelCoordinatesPlot(title="parameters and score", columns=columns),
        ParameterImportancePlot(with_respect_to=best),
        ScatterPlot(
            title="score against cost",
            x=SummaryMetric("cost/macs"),
            y=SummaryMetric(best),
            log_x=True,
        ),
        LinePlot(title="while training", x="epoch", y=[objectives[0]]),
        MediaBrowser(title="predictions", media_keys=["predictions/val"]),
        RunComparer(diff_only=True),
    ]


def best_of(objective: str) -> str:
    """Return the summary key of an objective: for a metric its value at the best checkpoint, for a
    cost the cost.
    """
    return f"best/{objective}" if "/" in objective else f"cost/{objective}"


def column_name(key: str) -> str:
    """Return the name of a config key in W&B's columns: `.value` follows the first part."""
    first, dot, rest = key.partition(".")
    return f"{first}.value{dot}{rest}"


if __name__ == "__main__":
    main(sys.argv[1:])
