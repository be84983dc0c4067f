"""The command of the training on all data."""

import math
from statistics import median

from convsweep.auto.commands.arguments import SPARE, LeftOutError, place, preset
from convsweep.auto.context import StageContext
from convsweep.auto.files import PRESET, Files
from convsweep.auto.shares import Costs
from convsweep.cli.duration import duration_text
from convsweep.planning.keys import AUGMENT, EPOCHS, FEWEST_EPOCHS, NO_AUGMENT

# What an epoch of augmented samples is taken to cost, in epochs without.
AUGMENTED = 1.1


def winner(context: StageContext) -> list[str]:
    """Return the command that trains the chosen network once more on all data that is not test, for
    as many epochs as the time holds: at least as many as its trainings had, at most the plan's
    longest.
    """
    files = context.files
    of_epochs = context.epoch_shares()
    if of_epochs is not None and not of_epochs.winner:
        raise LeftOutError(
            f"epochs={context.request.epochs} leaves too few for the training on all data, which"
            f" needs {files.epochs_of_equal_steps(context.max_epochs)}"
        )
    fewest = files.epochs_of_equal_steps(median(files.fitting_epochs or [context.max_epochs]))
    costs = context.costs()
    # it is validated after its last epoch alone
    epoch = files.seconds_per_epoch * files.steps_ratio * (1 - files.validation_share)
    augmented = augmentation(files, epochs_that_fit(context, costs, AUGMENTED * epoch))
    if augmented:
        epoch *= AUGMENTED
    needed = costs.start + fewest * epoch
    if needed > context.left - costs.start:  # of the test; export and report can be done later
        both, left = needed + costs.start, max(0.0, context.left)
        raise LeftOutError(
            f"it and the test take about {duration_text(both)}, but {duration_text(left)} are left"
        )
    epochs = min(max(fewest, epochs_that_fit(context, costs, epoch)), most_epochs(context, fewest))
    chosen = (
        preset(files.study / "confirm", "best")
        if files.takes_finalist
        else preset(context.folder, PRESET)
    )
    return [
        *chosen,
        *place(files.winner),
        "data.train_on_val=true",
        *augmented,
        f"{EPOCHS}={epochs}",
        f"trainer.check_val_every_n_epoch={epochs}",
        "callbacks.early_stopping=null",
        "test=false",
    ]


def augmentation(files: Files, epochs: int) -> list[str]:
    """Return the override of the augmentation that the plan left out only because its trainings are
    short, if the last training is not, and the chosen network has none.

    Args:
        files: of the run.
        epochs: of the last training.
    """
    option = files.plan.get("left_out_augment")
    params = (files.chosen or {}).get("params") if files.takes_finalist else None
    own = (params or {}).get(AUGMENT, NO_AUGMENT)
    is_left_out = option and own == NO_AUGMENT and epochs >= FEWEST_EPOCHS
    return [f"{AUGMENT}={option}"] if is_left_out else []


def epochs_that_fit(context: StageContext, costs: Costs, epoch_s: float) -> int:
    """Return for how many epochs of the training on all data there is time before the last stages;
    0 without a limit of time.
    """
    free = context.left - costs.ending - costs.start
    return int((1 - SPARE) * free / epoch_s) if math.isfinite(free) and epoch_s > 0 else 0


def most_epochs(context: StageContext, fewest: int) -> int:
    """Return how many epochs the training on all data has at most, if its trainings had
    `fewest`.
    """
    if context.request.epochs is not None or context.files.stopped_early:
        return fewest
    return max(fewest, context.files.longest_epochs)
