"""The command of the search."""

import math
from dataclasses import replace
from pathlib import Path

from convsweep.auto.commands.arguments import LeftOutError, path_text, preset
from convsweep.auto.context import TRIAL_START_SHARE, StageContext
from convsweep.auto.files import PRESET, SPACE
from convsweep.auto.request import key_of, value_of
from convsweep.auto.shares import Shares, least_with_search
from convsweep.auto.state import StageState
from convsweep.cli.duration import duration_text
from convsweep.planning.keys import EPOCHS, LAUNCHER, MAX_MACS, ONE_WORKER
from convsweep.planning.rules.rungs import first_rung

RUNG = "hydra.sweeper.schedule.min_steps"
# Epochs of a training, in those of its first comparison, that promotion needs.
COMPARISONS = 3


def search(context: StageContext) -> list[str]:
    """Return the command of the search."""
    share, of_epochs = context.shares(), context.epoch_shares()
    if of_epochs is not None and not of_epochs.search:
        raise LeftOutError(
            f"epochs={context.request.epochs} leaves too few for a search and its finalists"
        )
    if not share.search:
        least = context.choices[-1]
        needed = least_with_search(context.costs(), least, context.shortest)
        left = duration_text(max(0.0, context.left))
        instead = "; the training on all data has the time instead" if share.winner else ""
        raise LeftOutError(
            f"a search, {least.num_trainings} trainings of finalists and the end need about"
            f" {duration_text(needed)} from here on, but {left} are left{instead}"
        )
    # workers that a launcher starts begin after the command itself
    starts = 1 + any(
        key_of(text) == LAUNCHER and value_of(text) != ONE_WORKER for text in context.request.engine
    )
    # the engine counts all starts of a study
    timeout = max(1.0, share.search - starts * context.costs().start) + context.seconds_of(SPACE)
    limits = limits_of_trials(context, share)
    timed = "null" if math.isinf(timeout) else f"{timeout:.0f}"
    n_trials = context.n_trials()
    return [
        "train",
        "-m",
        *preset(context.folder, PRESET)[1:],
        f"sweeps={SPACE}",
        f"hydra.sweep.dir={path_text(context.files.study)}",
        f"hydra.sweeper.study_name={path_text(Path(context.folder.name))}",
        f"hydra.sweeper.timeout={timed}",
        f"hydra.sweeper.n_trials={'null' if n_trials is None else n_trials}",
        "hydra.sweeper.finalists=null",
        f"hydra.sweeper.caption={path_text(context.files.caption)}",
        *limits,
        *schedule_of(context, context.epochs_in(limits)),
        *context.request.engine,
    ]


def limits_of_trials(context: StageContext, share: Shares) -> list[str]:
    """Return the overrides of the length and the size of trials; those of a study that has begun
    cannot change.
    """
    begun = context.state.stages.get(SPACE, StageState()).replaced
    if begun:
        return [word for word in begun if key_of(word) in (EPOCHS, MAX_MACS)]
    epochs = max(1, round(share.length * context.max_epochs))
    shorter = [] if epochs == context.max_epochs else [f"{EPOCHS}={epochs}"]
    return [*shorter, *largest_network(context, share)]


def largest_network(context: StageContext, share: Shares) -> list[str]:
    """Return the override by which the search has no network that is too slow for the time of the
    finalists, and would be found in vain; none where the plan's limit is narrower, or yours holds.
    """
    limit, cost = context.files.plan.get("max_macs"), context.files.baseline_result.get("cost", {})
    if not limit or not cost.get("macs") or share.chosen is None or math.isinf(share.finals):
        return []
    costs = context.costs()
    shorter = replace(costs, training=share.length * costs.training)
    largest = round(cost["macs"] * shorter.largest_finalist(share.finals, share.chosen))
    return [f"{MAX_MACS}={largest}"] if largest < limit else []


def schedule_of(context: StageContext, epochs: int) -> list[str]:
    """Return the overrides of the search's schedule: trials are first compared after a ninth of
    the epochs, as in the plan, but not before a training has taken as long as it takes to start a
    trial again. Where that is too late for two comparisons, each trial is trained to its end.

    Args:
        context: the run.
        epochs: of a trial.
    """
    usual = first_rung(epochs)
    again = context.costs().start * TRIAL_START_SHARE / max(1e-9, context.baseline_epoch_s)
    first = max(usual, math.ceil(again))
    if COMPARISONS * first > epochs:
        return ["hydra/sweeper/schedule=none"]
    return [] if (first, epochs) == (usual, context.max_epochs) else [f"{RUNG}={first}"]
