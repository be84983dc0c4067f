"""Rules about the training: augmentation, epochs and learning rate by the measured speed."""

import math
from dataclasses import replace

from convsweep.cli.duration import duration_text
from convsweep.planning.decisions import Decisions
from convsweep.planning.keys import AUGMENT, FEWEST_EPOCHS, NO_AUGMENT
from convsweep.planning.look.look import Look
from convsweep.planning.measure import Measured
from convsweep.planning.rules.pace import (
    MOST_EPOCHS,
    STEPS,
    TRAININGS,
    Pace,
    speed_text,
)

# Learning rates of AdamW: the default, and the factor between that of the lowest loss in a range
# test and one to train with.
LR, BELOW_LOWEST = 3e-3, 10.0


def leave_out_augmentation(
    decisions: Decisions, look: Look, pace: Pace, seconds: float | None
) -> str | None:
    """Leave out the augmentation of images if the budget pays fewer epochs than the shortest
    recipe, as it needs long trainings; return the option that is left out, None if none is.
    """
    epochs = pace.epochs(seconds)
    before = decisions.get(AUGMENT)
    if look.kind.is_dense or before in (None, NO_AUGMENT) or epochs >= FEWEST_EPOCHS:
        return None
    why = (
        f"about {epochs} epochs are fewer than the {FEWEST_EPOCHS} of the shortest recipe, too few"
        f" for {before}: 8 epochs with shift brought 85.3 % on 9,000 images of Fashion-MNIST,"
        " without 88.6 % (docs/plan.md)"
    )
    return str(before) if decisions.choose(AUGMENT, NO_AUGMENT, why) == NO_AUGMENT else None


def decide_epochs(decisions: Decisions, pace: Pace, seconds: float | None) -> int:
    """Decide the epochs, and that no training stops early."""
    pace = replace(pace, given_epochs=None)  # the rule is said beside epochs that were given
    affordable = pace.epochs(seconds)
    why = (
        f"{pace.steps} steps an epoch; the recipes of docs/results.md have about {STEPS:,} steps,"
        f" {FEWEST_EPOCHS} to {MOST_EPOCHS} epochs: {pace.wanted_epochs}"
    )
    if seconds is not None:
        fit = min(TRAININGS, int(pace.search_s(seconds) / pace.training_s(affordable)))
        why += (
            f"; {speed_text(pace.speed.train_speed)} were measured, so an epoch takes"
            f" {duration_text(pace.epoch_s)}, and {affordable} epochs leave {fit} trainings"
            f" in the half of {duration_text(seconds)} that is the search's"
        )
    epochs = int(decisions.decide("trainer.max_epochs", affordable, why))
    decisions.decide(
        "callbacks.early_stopping", None, "the learning rate falls to 0 at the last epoch"
    )
    return epochs


def decide_lr(decisions: Decisions, measured: Measured) -> float:
    """Decide the learning rate by the range test, near the default."""
    if decisions.get("init_from") is not None:
        return float(decisions.get("optimizer.lr"))  # by the rules for trained weights
    found = measured.lr
    if found is None:
        steps = measured.steps
        why = f"the default: in {steps} steps of a range test the loss did not fall with the rate"
        return float(decisions.decide("optimizer.lr", LR, why))
    lr = float(f"{math.sqrt(LR * found / BELOW_LOWEST):.1e}")
    why = (
        f"in {measured.steps} steps of rising rate (Smith 2017) the loss was lowest at"
        f" {found:.1e}; the geometric mean of a tenth of it and the default {LR:g}"
    )
    return float(decisions.decide("optimizer.lr", lr, why))
