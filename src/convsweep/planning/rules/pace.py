"""The time of trainings by the measured speed, and the trainings that a budget allows."""

import math
from dataclasses import dataclass

from convsweep.cli.duration import duration_text
from convsweep.cli.energy import energy_text
from convsweep.errors import UserError
from convsweep.planning.keys import FEWEST_EPOCHS
from convsweep.planning.measure import Measured

# The hand-made recipes of docs/results.md have 2,000 to 5,000 steps in 12 to 100 epochs.
STEPS, MOST_EPOCHS = 3000, 100
# So many times the recipe's epochs the last training may have, which no other has to wait for:
# 63 instead of 21 epochs on 10,000 images of Fashion-MNIST (docs/auto.md).
LONGER = 3
# Seconds of a budget for starts, export and report, at most a third of it; share of the rest for
# the search, besides baseline, finalists and winner; how many full trainings that must pay
# (docs/search.md); and what is left of their speed where several run side by side.
OVERHEAD_S, OVERHEAD_SHARE, SEARCH_SHARE, TRAININGS, TOGETHER = 120.0, 1 / 3, 0.5, 12, 0.8
# Fewer full trainings than this are no search.
FEWEST_TRAININGS = 3
# Share of the epochs of the recipes below which the network is made smaller, and less than which
# no training is worth it.
ENOUGH, SHORTEST_EPOCHS, SHORTEST_STEPS = 1 / 3, 3, 60
# A promotion begins about so many times as many trials as it trains in full; without a budget so
# many trials are begun.
BEGUN, TRIALS = 3, 20
# Seconds to start a trial and to write its files.
START_S = 2.0


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How long trainings take.

    Args:
        steps: of an epoch, which passes over few samples several times.
        batch_size: of a step.
        num_val: samples of a validation.
        slots: trainings at a time of each worker.
        workers: of the search.
        speed: measured.
        given_epochs: of each training, if the user chose them; None: as the budget allows.
    """

    steps: int
    batch_size: int
    num_val: int
    slots: int
    speed: Measured
    workers: int = 1
    given_epochs: int | None = None

    @property
    def epoch_s(self) -> float:
        """Seconds of an epoch with its validation."""
        num_train = self.steps * self.batch_size
        return num_train / self.speed.train_speed + self.num_val / self.speed.eval_speed

    @property
    def validation_share(self) -> float:
        """Share of an epoch's time that its validation takes."""
        return self.num_val / self.speed.eval_speed / self.epoch_s

    @property
    def wanted_epochs(self) -> int:
        """Epochs of a hand-made recipe, or those given."""
        return self.given_epochs or max(FEWEST_EPOCHS, min(MOST_EPOCHS, round(STEPS / self.steps)))

    @property
    def longest_epochs(self) -> int:
        """Most epochs of the last training."""
        return self.given_epochs or LONGER * self.wanted_epochs

    @property
    def fewest_epochs(self) -> int:
        """Epochs below which no training is worth it."""
        return self.given_epochs or max(SHORTEST_EPOCHS, math.ceil(SHORTEST_STEPS / self.steps))

    def training_s(self, epochs: int) -> float:
        """Seconds of a training."""
        return START_S + epochs * self.epoch_s

    def search_s(self, seconds: float) -> float:
        """Return the seconds of training that the search has of a budget, over all slots of all
        workers.
        """
        rest = seconds - min(OVERHEAD_S, OVERHEAD_SHARE * seconds)
        together = TOGETHER if self.slots > 1 else 1.0
        return SEARCH_SHARE * rest * self.workers * self.slots * together

    def affordable_epochs(self, seconds: float | None) -> int:
        """Epochs with which the search's share of a budget pays `TRAININGS` trainings, at most
        the wanted ones.
        """
        if seconds is None:
            return self.wanted_epochs
        each = self.search_s(seconds) / TRAININGS
        return max(0, min(self.wanted_epochs, int((each - START_S) / self.epoch_s)))

    def epochs(self, seconds: float | None) -> int:
        """Epochs of each training under a budget."""
        return max(self.fewest_epochs, self.affordable_epochs(seconds))

    def pays(self, seconds: float) -> bool:
        """Return whether the search's share of a budget pays the fewest trainings."""
        return self.search_s(seconds) >= FEWEST_TRAININGS * self.training_s(self.fewest_epochs)


def check_budget(
    pace: Pace, seconds: float | None, remedy: str, watts: float | None = None
) -> None:
    """Check that a budget pays some of the shortest useful trainings of the baseline.

    Args:
        pace: of trainings.
        seconds: the budget; None: no limit.
        remedy: what else would help.
        watts: mean power, if the seconds are those of an energy.

    Raises:
        UserError: it does not; the message says what it would take.
    """
    if seconds is None or pace.pays(seconds):
        return
    one = pace.training_s(pace.fewest_epochs)
    minutes = 1
    while not pace.pays(60 * minutes):
        minutes = math.ceil(1.05 * minutes) if minutes > 20 else minutes + 1
    enough = f"budget={minutes}min"
    if watts is not None:
        enough = f"energy={energy_text(60 * minutes * watts).replace(' ', '')}"
    fewer = "" if pace.given_epochs is None else ", or train fewer epochs"
    raise UserError(
        f"a budget must pay {FEWEST_TRAININGS} trainings of the smallest baseline in half of it,"
        f" but one of {pace.fewest_epochs} epochs takes {duration_text(one)} here, which"
        f" {duration_text(seconds)} do not pay; set {enough}{fewer}{remedy}"
    )


def num_trials(pace: Pace, epochs: int, seconds: float | None) -> int:
    """Return how many trials the search's share of a budget begins."""
    if seconds is None:
        return TRIALS
    full = pace.search_s(seconds) / pace.training_s(epochs)
    return max(4, int(BEGUN * full))


def speed_text(samples_per_second: float) -> str:
    """Return a speed in words."""
    digits = 0 if samples_per_second >= 10 else 1
    return f"{samples_per_second:,.{digits}f} samples a second"
