"""A run at the start of a stage: what it has measured, and what each stage may therefore use."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from convsweep.auto.files import SPACE, Files
from convsweep.auto.reading import score_of
from convsweep.auto.request import AutoRequest, key_of, value_of
from convsweep.auto.shares import Costs, FinalsChoice, Shares, choices, fewer, share_out
from convsweep.auto.state import StageState, State
from convsweep.planning.keys import EPOCHS

# What a command takes besides its work until the baseline has measured it: at least, and as a share
# of the plan's time, which reads the data too.
START_S, START_SHARE = 8.0, 0.5
# What the exported programs and the report take besides that.
ENDING_S = 15.0
# Stages whose power says how long an energy lasts.
TRAINING = ("baseline", SPACE, "finalists", "winner")
# Stages of the ending, each with a start.
NUM_ENDING = 3
# What a trial costs besides its training, as a share of what a command does: it is forked from a
# process that has imported everything.
TRIAL_START_SHARE = 0.25
# Trainings of each finalist, if you say nothing.
SEEDS = 5
# Trainings side by side are slower than one alone by about so much.
SIDE_BY_SIDE = 0.8


@dataclass
class StageContext:
    """A run at the start of a stage.

    Attributes:
        request: what is asked for.
        folder: of everything that is written.
        state: how far it has come.
    """

    request: AutoRequest
    folder: Path
    state: State
    files: Files = field(init=False)

    def __post_init__(self) -> None:
        self.files = Files(self.folder)

    def seconds_of(self, name: str) -> float:
        """Return how long a stage has run."""
        stage = self.state.stages.get(name)
        return 0.0 if stage is None else stage.seconds

    @property
    def watts(self) -> float | None:
        """Mean power of the machine: as stated, or in all trainings so far; until the search at
        least what the plan expects of it; None if it is not known.
        """
        if self.request.watts is not None:
            return self.request.watts
        done = [each for name in TRAINING if (each := self.state.stages.get(name)) is not None]
        joules = sum(each.joules for each in done)
        measured = joules / sum(each.seconds for each in done) if joules > 0 else 0.0
        planned = 0.0 if self.seconds_of(SPACE) else float(self.files.plan.get("watts") or 0.0)
        return max(measured, planned) or None

    @property
    def seconds(self) -> float | None:
        """Seconds of all stages: the budget, or less if the energy is used up sooner at the power
        so far; None: no limit.
        """
        asked, joules, watts = self.request.seconds, self.request.joules, self.watts
        if joules is None or watts is None:
            return asked
        lasts = self.state.seconds + (joules - self.state.joules) / watts
        return lasts if asked is None else min(asked, lasts)

    @property
    def left(self) -> float:
        """Seconds of the budget that are not spent."""
        total = self.seconds
        return math.inf if total is None else total - self.state.seconds

    @property
    def max_epochs(self) -> int:
        """Epochs of the baseline."""
        return int(self.files.plan.get("epochs") or self.files.baseline_result.get("epochs") or 1)

    @property
    def baseline_epoch_s(self) -> float:
        """Seconds of an epoch of the baseline, as measured or else as planned."""
        done = self.files.baseline_result
        if done:
            return float(done["seconds"]) / max(1, int(done["epochs"]))
        return float(self.files.plan.get("seconds_per_training") or 0.0) / self.max_epochs

    @property
    def shortest(self) -> float:
        """Share of the baseline's epochs below which no training is worth it."""
        return int(self.files.plan.get("fewest_epochs") or self.max_epochs) / self.max_epochs

    @property
    def slots(self) -> int:
        """How many trainings of a search run at a time, over all workers."""
        return int(self.files.plan.get("slots") or 1)

    @property
    def choices(self) -> list[FinalsChoice]:
        """Which finalists to try, the wanted ones first; no more than the complete trials besides
        the baseline.
        """
        asked = self.request
        top = min(asked.top, len(self.files.rivals) or asked.top)
        planned = None if asked.seeds else self.files.plan.get("num_folds")
        folds = asked.folds or planned or None
        return choices(top, asked.seeds or SEEDS, folds, only_folds=asked.folds is not None)

    def costs(self) -> Costs:
        """Return what the parts cost in seconds, by what is measured so far."""
        measured = float(self.files.baseline_result.get("seconds") or 0.0)
        training = measured or float(self.files.plan.get("seconds_per_training") or 0.0)
        plan = self.state.stages.get("plan", StageState())
        # a start that was interrupted has planned nothing, but took time
        start = max(START_S, START_SHARE * plan.seconds / max(1, plan.starts))
        own = self.state.stages.get("baseline")
        if measured and own is not None and own.starts == 1:
            start = max(1.0, own.seconds - measured)
        return self._costs(training, start, max(1.0, SIDE_BY_SIDE * self.slots))

    @property
    def to_beat(self) -> float | None:
        """The baseline's score after as many epochs as the trials of the search have; None if it
        was not trained so.
        """
        if self.search_epochs == self.max_epochs:
            return self.files.baseline_value
        row = self.files.baseline_trial
        return score_of(row) if row.get("kind") == "complete" else None

    def searched_costs(self) -> Costs:
        """Return what the parts cost in seconds, by the best trials of the search."""
        before = self.costs()
        named = [row.get("seconds") for row in self.files.rivals[: self.request.top]]
        seconds = [float(text) for text in named if text]
        if not seconds:
            return before
        total = sum(float(row.get("seconds") or 0.0) for row in self.files.trials)
        wall = max(1.0, self.seconds_of(SPACE) - before.start)
        at_once = max(1.0, total / wall)
        length = self.search_epochs / self.max_epochs
        alone = length * before.training
        # how much longer than alone a training takes side by side
        beside = self._baseline_trial_s() or alone * at_once / before.at_once
        longest = max(alone, seconds[0] * alone / beside) / length
        return replace(
            self._costs(longest, before.start, at_once), training=beside, of_best=tuple(seconds)
        )

    def _baseline_trial_s(self) -> float | None:
        """Return the seconds of the baseline's training in the search, by the epochs that it had
        there; None if it did not train.
        """
        row = self.files.baseline_trial
        seconds, steps = row.get("seconds"), row.get("paused_at")
        if row.get("kind") == "complete":
            steps = str(self.search_epochs)
        return float(seconds) * self.search_epochs / float(steps) if seconds and steps else None

    def _costs(self, training: float, start: float, at_once: float) -> Costs:
        same = self.files.epochs_of_equal_steps(self.max_epochs)
        share = self.files.steps_ratio * (1 - self.files.validation_share)
        again = training * share * same / self.max_epochs
        return Costs(
            training + TRIAL_START_SHARE * start,
            again,
            again * self.files.longest_epochs / same,
            start,
            (NUM_ENDING - (self.files.plan.get("num_test") == 0)) * start + ENDING_S,
            at_once,
        )

    @property
    def search_epochs(self) -> int:
        """Epochs of the trainings of the search, by its command."""
        stage = self.state.stages.get(SPACE)
        return self.epochs_in([] if stage is None else stage.command)

    def epochs_in(self, command: Sequence[str]) -> int:
        """Return the epochs of a training by its command; the baseline's, if it names none."""
        given = [value_of(text) for text in command if key_of(text) == EPOCHS]
        return int(given[-1]) if given else self.max_epochs

    def shares(self) -> Shares:
        """Return what each stage after the baseline may use of the time; infinite without a limit,
        0 where it is left out.
        """
        of_epochs, costs = self.epoch_shares(), self.costs()
        if self.seconds is None:
            shares = Shares(math.inf, math.inf, math.inf, self.choices[0])
        else:
            planned = 0.0 if self.files.baseline_result else costs.start + costs.training
            shares = share_out(self.left - planned, costs, self.choices, self.shortest)
        if of_epochs is None:
            return shares
        if not shares.search:
            return replace(shares, winner=shares.winner if of_epochs.winner else 0.0)
        return replace(
            shares,
            search=shares.search if of_epochs.search else 0.0,
            finals=shares.finals if of_epochs.finals else 0.0,
            winner=shares.winner if of_epochs.winner else 0.0,
            chosen=fewer(shares.chosen, of_epochs.chosen),
            left_out=shares.left_out or of_epochs.left_out,
        )

    def epoch_shares(self) -> Shares | None:
        """Return the epochs that each stage after the baseline may use; None without a limit."""
        if self.request.epochs is None:
            return None
        epochs = float(self.max_epochs)
        again = float(self.files.epochs_of_equal_steps(self.max_epochs))
        costs = Costs(epochs, again, of_best=(epochs,) * self.request.top)
        return share_out(self.request.epochs - epochs, costs, self.choices)

    def n_trials(self) -> int | None:
        """Return the largest number of trials; None where only the time limits them."""
        shares = self.epoch_shares()
        if shares is None:
            return self.request.n_trials
        return min(max(1, int(shares.search / self.max_epochs)), self.request.n_trials or 10**9)
