"""The files of a run's folder, and what the stages left in them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any

from convsweep.auto.reading import read_json, read_rows, score_of
from convsweep.auto.request import key_of
from convsweep.auto.shares import LEAST
from convsweep.planning.keys import EPOCHS
from convsweep.run_folder import read_result

PRESET, SPACE, WINNER = "plan", "search", "winner"
# Number of the trial that is the baseline: the plan queues it as the first point.
BASELINE = "0"


@dataclass(frozen=True)
class Files:
    """What a folder holds; everything is read on first use, and empty while it is not there.

    Attributes:
        folder: of the run.
    """

    folder: Path

    @property
    def baseline(self) -> Path:
        """Folder of the baseline's training."""
        return self.folder / "baseline"

    @property
    def study(self) -> Path:
        """Folder of the search; the finalists' trainings are in it, in confirm/runs."""
        return self.folder / "study"

    @property
    def winner(self) -> Path:
        """Folder of the training on all data."""
        return self.folder / "winner"

    @property
    def test(self) -> Path:
        """Folder of the evaluation on the test part; not named `test`, which would be a group of
        configs under `--config-dir` and hide the key `test`.
        """
        return self.folder / "evaluation"

    @property
    def validation(self) -> Path:
        """Folder of the baseline's evaluation on the validation part."""
        return self.folder / "validation"

    @property
    def caption(self) -> Path:
        """The line that the engine shows below its table in a terminal."""
        return self.folder / ".caption.txt"

    @property
    def exported(self) -> Path:
        """Folder of the exported programs."""
        return self.folder / "exported"

    @cached_property
    def plan(self) -> dict[str, Any]:
        """What `convsweep plan` decided and measured."""
        return read_json(self.folder / f"{PRESET}.json")

    @cached_property
    def baseline_result(self) -> dict[str, Any]:
        """The result of the baseline; empty until it is complete."""
        return _complete_result(self.baseline)

    @cached_property
    def winner_result(self) -> dict[str, Any]:
        """The result of the training on all data; empty until it is complete, or if it failed."""
        return {} if self.winner_failure else _complete_result(self.winner)

    @cached_property
    def winner_failure(self) -> str:
        """Why the training on all data is of no use, as its score on samples that it was trained on
        is worse than all before on new ones; empty if it is of use, or not complete.
        """
        own = self._score(self.winner)
        before = [score for each in self.trainings if (score := self._score(each)) is not None]
        worst = min if self.maximizes else max
        if own is None or not before or worst(own, *before) != own or own in before:
            return ""
        return (
            f"its {self.metric} is {own:.4g} on samples that it was trained on, but at worst"
            f" {worst(before):.4g} in the trainings before, on samples that were new to them"
        )

    def _score(self, folder: Path) -> float | None:
        """Return the score of a training; None until it is complete."""
        objectives = _complete_result(folder).get("objectives")
        score = objectives.get(self.metric) if objectives else None
        return None if score is None else float(score)

    @cached_property
    def trials(self) -> list[dict[str, str]]:
        """The rows of the search's sweep.csv."""
        return read_rows(self.study / "sweep.csv")

    @cached_property
    def confirmation(self) -> dict[str, Any]:
        """What the finalists' trainings found."""
        return read_json(self.study / "confirm" / "confirm.json")

    @cached_property
    def evaluation(self) -> dict[str, Any]:
        """The scores on the test part."""
        return read_json(self.test / "evaluation.json")

    @cached_property
    def samples(self) -> list[dict[str, str]]:
        """The answers on the test part."""
        return read_rows(self.test / "samples.csv")

    @cached_property
    def validated(self) -> list[dict[str, str]]:
        """The baseline's answers on the validation part."""
        return read_rows(self.validation / "samples.csv")

    @cached_property
    def export(self) -> dict[str, Any]:
        """Differences and latencies of the exported programs."""
        return read_json(self.exported / "export.json")

    @property
    def steps_ratio(self) -> float:
        """Steps of an epoch on all data that is not test, over those of one on the training part:
        less than 1 where the latter passes over its samples several times.
        """
        steps, on_all = (self.plan.get(key) for key in ("steps", "steps_on_all"))
        if steps and on_all:
            return float(on_all / steps)
        counts = [int(self.plan.get(f"num_{part}") or 0) for part in ("train", "val")]
        return sum(counts) / counts[0] if counts[0] else 1.0

    @property
    def validation_share(self) -> float:
        """Share of an epoch's time that its validation takes, as the plan measured it."""
        return float(self.plan.get("validation_share") or 0.0)

    def epochs_of_equal_steps(self, epochs: float) -> int:
        """Return how many epochs on all data have no fewer steps than some on the training part;
        the same number if you chose the epochs.
        """
        given = any(key_of(text) == EPOCHS for text in self.plan.get("overrides") or [])
        ratio = 1.0 if given else max(1.0, 1 / self.steps_ratio)
        return max(1, math.ceil(round(epochs * ratio, 6)))

    @property
    def has_groups(self) -> bool:
        """Whether `data.group` or the data itself says which samples are alike."""
        return bool(self.plan.get("has_groups"))

    @property
    def longest_epochs(self) -> int:
        """Most epochs of the training on all data; those of the baseline if you chose them."""
        epochs = max(int(self.plan.get(key) or 1) for key in ("epochs", "longest_epochs"))
        return self.epochs_of_equal_steps(epochs)

    @property
    def metric(self) -> str:
        """Name of the monitored metric."""
        return str(self.plan.get("monitor") or next(iter(self.baseline_result["objectives"])))

    @property
    def maximizes(self) -> bool:
        """Whether larger values of it are better."""
        return str(self.plan.get("mode", "max")) == "max"

    @property
    def takes_finalist(self) -> bool:
        """Whether the best network of the search is the result: it was shown to be better than the
        baseline, or is better on average and costs no more.
        """
        answer = (self.confirmation.get("verdict") or {}).get("answer")
        return answer == "better" or (answer == "not_shown" and self._costs_no_more)

    @property
    def _costs_no_more(self) -> bool:
        found = (self._finalist(name) for name in (self.confirmation.get("winner"), "baseline"))
        one, other = ((each or {}).get("cost") or {} for each in found)
        pairs = [(one.get(key), other.get(key)) for key in ("params", "macs")]
        count = int((self.confirmation["verdict"].get("difference") or {}).get("n", 0))
        return count >= LEAST.each and all(
            own is not None and its is not None and own <= its for own, its in pairs
        )

    @property
    def chosen(self) -> dict[str, Any] | None:
        """The chosen network's part of confirm.json; None without finalists."""
        return self._finalist(
            self.confirmation.get("winner") if self.takes_finalist else "baseline"
        )

    def _finalist(self, name: str | None) -> dict[str, Any] | None:
        networks = self.confirmation.get("networks", [])
        return next((each for each in networks if each["name"] == name), None)

    @property
    def trainings(self) -> list[Path]:
        """Folders of the chosen network's complete trainings so far, by seed."""
        return self._trainings_of(self.chosen) or [self.baseline]

    def _trainings_of(self, network: dict[str, Any] | None) -> list[Path]:
        done = [] if network is None else network["trainings"]
        return [self.study / each["folder"] for each in done if each["kind"] == "complete"]

    @property
    def networks(self) -> list[Path]:
        """Folders of the runs whose checkpoints are the result: the one on all data; without it the
        trainings of the chosen network on all folds, an ensemble, or its first training, or the
        baseline's own, if those on folds are shorter.
        """
        if self.winner_result.get("checkpoint"):
            return [self.winner]
        on_folds, trainings = self.confirmation.get("folds"), self.trainings
        if self.takes_finalist:
            return trainings if on_folds else trainings[:1]
        epochs = [
            int(read_result(each).get("epochs") or 0) for each in (trainings[0], self.baseline)
        ]
        return trainings if on_folds and epochs[0] >= epochs[1] else [self.baseline]

    @property
    def fitting_epochs(self) -> list[int]:
        """How many epochs each training of the chosen network needed: all of them, since its
        learning rate follows them, or the best one if it was stopped early.
        """
        results = (read_result(folder) for folder in self.trainings)
        found = (
            each.get("best_epoch" if each.get("stopped_early") else "epochs") for each in results
        )
        return sorted(int(epoch) for epoch in found if epoch)

    @property
    def stopped_early(self) -> bool:
        """Whether a training of the chosen network was stopped early."""
        return any(read_result(folder).get("stopped_early") for folder in self.trainings)

    @property
    def seconds_per_epoch(self) -> float:
        """Seconds of an epoch of the chosen network if nothing is trained beside it: the baseline
        says how much slower the finalists' trainings were side by side.
        """
        beside = self._trainings_of(self._finalist("baseline"))
        slower = _epoch_s(beside) / _epoch_s([self.baseline]) if beside else 1.0
        return _epoch_s(self.trainings) / slower

    @property
    def complete(self) -> list[dict[str, str]]:
        """The complete trials of the search, the best first."""
        sign = -1 if self.maximizes else 1
        done = [row for row in self.trials if row["kind"] == "complete" and list(row.values())[3]]
        return sorted(done, key=lambda row: sign * (score_of(row) or 0.0))

    @property
    def rivals(self) -> list[dict[str, str]]:
        """The complete trials that are not the baseline itself, the best first."""
        return [row for row in self.complete if row["number"] not in self._numbers_of_baseline]

    @property
    def baseline_trial(self) -> dict[str, str]:
        """The row of the baseline in the search, of the last retry if it was killed; empty without
        one.
        """
        own = [row for row in self.trials if row["number"] in self._numbers_of_baseline]
        return own[-1] if own else {}

    @cached_property
    def _numbers_of_baseline(self) -> set[str]:
        numbers = {BASELINE}
        for row in self.trials:
            if row.get("retry_of") in numbers:
                numbers.add(row["number"])
        return numbers

    @property
    def baseline_value(self) -> float | None:
        """The score of the baseline's training."""
        return self._score(self.baseline)


def _complete_result(folder: Path) -> dict[str, Any]:
    result = read_result(folder)
    return result if result.get("outcome") == "complete" else {}


def _epoch_s(folders: Sequence[Path]) -> float:
    results = [read_result(folder) for folder in folders]
    return float(median(each["seconds"] / max(1, each["epochs"]) for each in results))
