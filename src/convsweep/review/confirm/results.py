"""What the trainings of a confirmation measured, network by network and seed by seed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial

from convsweep.review.confirm.candidates import Candidate
from convsweep.review.confirm.intervals import Difference, Spread, paired_difference, spread
from convsweep.run_folder import RESULT, read_result
from hydra_study.attributes import FOLDER, REASON, kind_of

VALIDATION, TEST = "validation", "test"
OPEN = ("open", "running", "waiting")


@dataclass(frozen=True)
class Training:
    """One training.

    Attributes:
        seed: Its seed.
        kind: How it ended, or `open`, `waiting`, `running`.
        reason: Why it is not complete.
        folder: Its run folder.
        scores: Of a complete one, its score by split: `validation`, and `test` where the data has
            that split.
        cost: What the network costs.
        seconds: Wall time.
    """

    seed: int
    kind: str
    reason: str | None = None
    folder: str | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    cost: dict[str, Any] | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Result:
    """A candidate with its trainings."""

    candidate: Candidate
    trainings: list[Training]

    def scores(self, split: str) -> dict[int, float]:
        """Return the scores of the complete trainings by seed."""
        return {
            training.seed: training.scores[split]
            for training in self.trainings
            if split in training.scores
        }

    def spread(self, split: str) -> Spread | None:
        """Return mean and spread over the seeds."""
        return spread(list(self.scores(split).values()))

    def difference(self, other: "Result", split: str) -> Difference | None:
        """Return the paired difference to another network."""
        return paired_difference(self.scores(split), other.scores(split))

    @property
    def num_open(self) -> int:
        """How many trainings have not ended."""
        return sum(training.kind in OPEN for training in self.trainings)

    @property
    def failed(self) -> list[Training]:
        """The trainings that ended without a score."""
        return [training for training in self.trainings if training.kind not in ("complete", *OPEN)]


def baseline_of(results: Sequence[Result]) -> Result | None:
    """Return what the others have to beat, None if there is no baseline."""
    return next((result for result in results if result.candidate.is_baseline), None)


def measure(
    candidates: Sequence[Candidate],
    seeds: Sequence[int],
    trial_of: Callable[[Candidate, int], FrozenTrial | None],
    metric: str,
) -> list[Result]:
    """Return the results as they stand.

    Args:
        candidates: Networks.
        seeds: Seeds.
        trial_of: Returns the trial of a training, or None while there is none.
        metric: Name of the objective that ranks.
    """
    return [
        Result(candidate, [training(seed, trial_of(candidate, seed), metric) for seed in seeds])
        for candidate in candidates
    ]


def training(seed: int, trial: FrozenTrial | None, metric: str) -> Training:
    """Return what is known of a training."""
    if trial is None:
        return Training(seed, "open")
    kind, info = kind_of(trial), trial.user_attrs
    folder = info.get(FOLDER)
    if kind != "complete":
        return Training(seed, kind, info.get(REASON), folder)
    result = read_result(Path(str(folder)))
    if not result:
        return Training(seed, "error", f"{RESULT} is missing in {folder}", folder)
    scores = {VALIDATION: float(result["objectives"][metric])}
    tested = result["test"].get(test_metric(metric))
    if tested is not None:
        scores[TEST] = float(tested)
    return Training(seed, kind, None, folder, scores, result["cost"], result["seconds"])


def test_metric(metric: str) -> str | None:
    """Return the name that a validation metric has on the test split; None for what is no such
    metric, say MACs.
    """
    return f"test/{metric.removeprefix('val/')}" if metric.startswith("val/") else None
