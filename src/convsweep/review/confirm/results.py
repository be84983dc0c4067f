"""Results of a confirmation's trainings by network and seed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial

from convsweep.review.confirm.candidates import Candidate
from convsweep.run_folder import RESULT, read_result
from hydra_study.attributes import FOLDER, REASON, kind_of
from hydra_study.intervals import Difference, Spread, paired_difference, spread

VALIDATION, TEST = "validation", "test"
OPEN = ("open", "running", "waiting")


@dataclass(frozen=True)
class Training:
    """One training.

    Attributes:
        seed: its seed, or the number of its fold.
        kind: its outcome, or `open`, `waiting`, `running`.
        reason: why it is not complete.
        folder: its run folder.
        scores: of a complete one, score by split: `validation`, and `test` if the data has that
            split.
        cost: of the network.
        seconds: wall time.
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
    """A candidate with its trainings.

    Attributes:
        candidate: the network.
        trainings: one for each seed or fold.
        overlap: of folds, samples of one fold as a share of those that it is trained on.
    """

    candidate: Candidate
    trainings: list[Training]
    overlap: float = 0.0

    def scores(self, split: str) -> dict[int, float]:
        """Return the scores of the complete trainings by seed or fold."""
        return {
            training.seed: training.scores[split]
            for training in self.trainings
            if split in training.scores
        }

    def spread(self, split: str) -> Spread | None:
        """Return mean and spread over the seeds or folds."""
        return spread(list(self.scores(split).values()))

    def difference(self, other: "Result", split: str) -> Difference | None:
        """Return the paired difference to another network."""
        return paired_difference(self.scores(split), other.scores(split), overlap=self.overlap)

    @property
    def num_open(self) -> int:
        """Number of trainings that have not ended."""
        return sum(training.kind in OPEN for training in self.trainings)

    @property
    def failed(self) -> list[Training]:
        """The trainings that ended without a score."""
        return [training for training in self.trainings if training.kind not in ("complete", *OPEN)]


def baseline_of(results: Sequence[Result]) -> Result | None:
    """Return the baseline, or None."""
    return next((result for result in results if result.candidate.is_baseline), None)


def measure(
    candidates: Sequence[Candidate],
    seeds: Sequence[int],
    trial_of: Callable[[Candidate, int], FrozenTrial | None],
    metric: str,
    folds: int | None = None,
) -> list[Result]:
    """Return the present results.

    Args:
        candidates: the networks.
        seeds: of the trainings, or their folds.
        trial_of: returns the trial of a training, or None.
        metric: name of the ranking objective.
        folds: number of folds, None if trainings differ in their seeds.
    """
    overlap = 0.0 if folds is None else 1 / (folds - 1)
    return [
        Result(
            candidate,
            [training_of(seed, trial_of(candidate, seed), metric) for seed in seeds],
            overlap,
        )
        for candidate in candidates
    ]


def training_of(seed: int, trial: FrozenTrial | None, metric: str) -> Training:
    """Return a training from its trial."""
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
    """Return the name of a validation metric on the test split; None for others, such as MACs."""
    return f"test/{metric.removeprefix('val/')}" if metric.startswith("val/") else None
