"""confirm.json, the machine-readable result of a confirmation; its format is in docs/confirm.md."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from convsweep.review.confirm.results import (
    TEST,
    VALIDATION,
    Result,
    Training,
    baseline_of,
    test_metric,
)
from convsweep.review.confirm.verdict import Verdict
from convsweep.run_folder import write_atomically
from hydra_study.intervals import CONFIDENCE

# Folder of the confirmation in a sweep's folder.
FOLDER = "confirm"
FILE = "confirm.json"
SPLITS = (VALIDATION, TEST)


@dataclass(frozen=True)
class Comparison:
    """What a confirmation compares, and by what.

    Attributes:
        study: name of the study.
        folder: folder of the sweep.
        metric: the ranking objective.
        maximize: whether larger is better.
        of_front: whether the candidates are from a Pareto front.
        seeds: of the trainings; their folds, if these differ instead.
        folds: number of folds, None if the trainings differ in their seeds.
    """

    study: str
    folder: Path
    metric: str
    maximize: bool
    of_front: bool
    seeds: list[int]
    folds: int | None = None

    @property
    def unit(self) -> str:
        """What differs between the trainings of a network, and pairs those of two."""
        return "seed" if self.folds is None else "fold"


def document(comparison: Comparison, results: Sequence[Result], verdict: Verdict) -> dict[str, Any]:
    """Return the content of confirm.json."""
    baseline = baseline_of(results)
    return {
        "study": comparison.study,
        "metric": {"validation": comparison.metric, "test": test_metric(comparison.metric)},
        "direction": "maximize" if comparison.maximize else "minimize",
        "of_pareto_front": comparison.of_front,
        "seeds": comparison.seeds if comparison.folds is None else [],
        "folds": comparison.folds,
        "confidence": CONFIDENCE,
        "is_finished": not any(result.num_open for result in results),
        "networks": [_network(result, baseline, comparison) for result in results],
        "winner": None if verdict.winner is None else verdict.winner.candidate.name,
        "verdict": {
            "answer": verdict.answer,
            "words": verdict.words,
            "split": verdict.split,
            "difference": None if verdict.difference is None else asdict(verdict.difference),
        },
    }


def write(content: Mapping[str, Any], sweep_folder: Path) -> Path:
    """Write a sweep's confirm.json and return its path."""
    path = sweep_folder / FOLDER / FILE
    write_atomically(path, json.dumps(content, indent=2, default=str) + "\n")
    return path


def read(sweep_folder: Path) -> dict[str, Any] | None:
    """Return the content of a sweep's confirm.json, or None without a confirmation."""
    try:
        content = json.loads((sweep_folder / FOLDER / FILE).read_text())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _network(result: Result, baseline: Result | None, comparison: Comparison) -> dict[str, Any]:
    candidate = result.candidate
    cost = next((training.cost for training in result.trainings if training.cost), None) or {}
    differences = (
        {}
        if baseline is None or candidate.is_baseline
        else {s: result.difference(baseline, s) for s in SPLITS}
    )
    return {
        "name": candidate.name,
        "is_baseline": candidate.is_baseline,
        "trial": candidate.trial,
        "found": candidate.found,
        "params": None if candidate.params is None else dict(candidate.params),
        "overrides": candidate.overrides,
        "cost": {name: cost.get(name) for name in ("params", "macs", "memory", "receptive_field")},
        **{split: _plain(result.spread(split)) for split in SPLITS},
        "difference": {split: _plain(difference) for split, difference in differences.items()},
        "trainings": [_training(training, comparison) for training in result.trainings],
    }


def _plain(value: Any) -> dict[str, Any] | None:
    return None if value is None else asdict(value)


def _training(training: Training, comparison: Comparison) -> dict[str, Any]:
    return {
        comparison.unit: training.seed,
        "kind": training.kind,
        "reason": training.reason,
        "folder": training.folder and os.path.relpath(training.folder, comparison.folder),
        **{split: training.scores.get(split) for split in SPLITS},
        "seconds": training.seconds,
    }
