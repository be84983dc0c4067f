"""Cross-validation: mean and standard error over runs that differ in their fold alone."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convsweep.review.report.rendering.blocks import Block, Bullets, Cell, Table
from convsweep.review.report.rendering.phrases import number
from convsweep.training.members import ELSEWHERE, without
from hydra_study.intervals import Spread, spread

NOTES = (
    "Mean ± standard error over folds of the same data. The epoch of each network was chosen on the"
    " fold that it is scored on, which makes the mean a little too good; the test part has no such"
    " bias.",
    "`convsweep evaluate FOLDER` measures the ensemble of the folds on the test part, and"
    " `--split val` each network on its own fold.",
)


@dataclass(frozen=True)
class FoldRun:
    """One run of a cross-validation.

    Args:
        name: of the run.
        folder: of the run, relative to that of the report.
        config: of the run.
        score: the monitored metric at the best epoch, None without one.
        tested: the same on the test part, None without one.
    """

    name: str
    folder: Path
    config: Mapping[str, Any]
    score: float | None
    tested: float | None


def cross_validations(runs: Sequence[FoldRun]) -> list[list[FoldRun]]:
    """Return the runs on several folds, those together that differ in their fold alone."""
    together: dict[str, dict[int, FoldRun]] = {}
    for run in runs:
        fold = (run.config.get("data") or {}).get("fold")
        if fold is not None and run.score is not None:
            rest = without(run.config, ("data.fold", *ELSEWHERE))
            same = json.dumps([run.name, str(run.folder.parent), rest], sort_keys=True, default=str)
            together.setdefault(same, {})[int(fold)] = run
    return [[runs[fold] for fold in sorted(runs)] for runs in together.values() if len(runs) > 1]


def cross_validation_blocks(runs: Sequence[FoldRun], metric: str) -> list[Block]:
    """Return the table of cross-validations by a metric; nothing without folds."""
    found = cross_validations(runs)
    if not found:
        return []
    header = ["name", "folds", metric, "of each fold", "test", "seed", "folder"]
    return [Table(header, [row(folds) for folds in found], in_markdown=30), Bullets(NOTES)]


def row(folds: Sequence[FoldRun]) -> list[Cell]:
    """Return the cells of a cross-validation."""
    first = folds[0]
    scores = [run.score for run in folds if run.score is not None]
    tested = [run.tested for run in folds if run.tested is not None]
    return [
        first.name,
        f"{len(folds)} of {first.config['data'].get('num_folds')}",
        with_error(spread(scores)),
        ", ".join(number(score) for score in scores),
        with_error(spread(tested)),
        first.config.get("seed"),
        str(first.folder.parent),
    ]


def with_error(measured: Spread | None) -> str:
    """Return a mean with its standard error."""
    if measured is None:
        return ""
    error = measured.standard_error
    return number(measured.mean) + ("" if error is None else f" ± {number(error, 2)}")
