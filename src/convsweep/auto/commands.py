"""The command of each stage, by what is measured when it begins."""

import math
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from convsweep.auto.context import ENDING_S, TRIAL_START_SHARE, StageContext
from convsweep.auto.files import PRESET, SPACE, Files, score_of
from convsweep.auto.request import key_of, value_of
from convsweep.auto.shares import (
    Costs,
    FinalsChoice,
    Shares,
    check_least,
    fit_finals,
    least_with_search,
)
from convsweep.auto.state import StageState
from convsweep.cli.duration import duration_text
from convsweep.cli.energy import energy_text
from convsweep.cli.shell_command import shell_command
from convsweep.errors import UserError
from convsweep.planning.keys import (
    AUGMENT,
    EPOCHS,
    FEWEST_EPOCHS,
    LAUNCHER,
    MAX_MACS,
    NO_AUGMENT,
    ONE_WORKER,
    SLOTS,
    WORKERS,
)
from convsweep.planning.rules.rungs import first_rung
from hydra_study import override_text

# Kept free of the finalists' time, since two of three planned seeds would be in vain, and of the
# last training's, which is of another length than those that were measured.
SPARE = 0.05
# Overrides of the search by which a plan counts the trainings at a time.
AT_A_TIME = (LAUNCHER, SLOTS, WORKERS)
# By how much of itself a budget may be exceeded for export and report.
OVER = 0.1
RUNG = "hydra.sweeper.schedule.min_steps"
# What an epoch of augmented samples is taken to cost, in epochs without.
AUGMENTED = 1.1
# Epochs of a training, in those of its first comparison, that promotion needs.
COMPARISONS = 3


class LeftOutError(Exception):
    """A stage is left out; the message says why."""


def plan(context: StageContext) -> list[str]:
    """Return the command that looks at the data and writes plan.yaml and sweeps/search.yaml."""
    asked = context.request
    given = [
        ("budget", asked.seconds, "s"),
        ("energy", asked.joules, "J"),
        ("power", asked.watts, "W"),
    ]
    limits = [f"{name}={value:.10g}{unit}" for name, value, unit in given if value is not None]
    together = [text for text in context.request.engine if key_of(text) in AT_A_TIME]
    place = f"folder={path_text(context.folder)}"
    return ["plan", *context.request.overrides, *together, place, *limits]


def baseline(context: StageContext) -> list[str]:
    """Return the command that trains the plan's own network.

    Raises:
        UserError: the budget does not hold it.
    """
    check_baseline(context)
    return [*preset(context.folder, PRESET), *place(context.files.baseline), "test=false"]


def check_baseline(context: StageContext) -> None:
    """Check that the budget holds the baseline and its test.

    Raises:
        UserError: it does not; the message says what it would take. Or folds are asked for, and the
            data cannot be divided.
    """
    if context.files.baseline_result:
        return
    plan, folds = context.files.plan, context.request.folds
    if folds is not None and not plan.get("num_folds") and plan.get("val_fraction") is None:
        raise UserError(
            "folds divide what is trained and validated on, but this data has a part of its own to"
            f" validate on; leave out folds={folds}, so that trainings differ in seeds"
        )
    if context.seconds is not None:
        spent, costs = context.state.seconds, context.costs()
        check_least(context.seconds, spent, costs, amount_text(context, spent + costs.least))
    if context.request.epochs is not None:
        epochs = float(context.max_epochs)
        check_least(context.request.epochs, 0.0, Costs(epochs, epochs), f"{epochs:g} epochs")


def amount_text(context: StageContext, seconds: float) -> str:
    """Return a time in words, with the energy that it takes where that is the limit."""
    if context.request.joules is None or context.watts is None:
        return duration_text(seconds)
    joules = context.state.joules + (seconds - context.state.seconds) * context.watts
    return f"{duration_text(seconds)}, {energy_text(joules)}"


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


def finalists(context: StageContext) -> list[str]:
    """Return the command that trains the best trials and the baseline with several seeds.

    Raises:
        LeftOutError: there is nothing to compare; or the best trial scored less than the baseline,
            although chance raises the best score of many.
    """
    if not context.files.trials:
        raise LeftOutError("there was no search")
    if not context.files.rivals:
        raise LeftOutError("no trial of the search but the baseline came to its end")
    best, before = score_of(context.files.rivals[0]), context.to_beat
    if best is not None and before is not None and is_worse(best, before, context.files):
        raise LeftOutError(
            f"no other trial reached the baseline's score, {best:.4g} against {before:.4g}; the"
            " training on all data has the time instead"
        )
    of_epochs, wanted = context.epoch_shares(), context.choices
    if of_epochs is not None and of_epochs.chosen is not None:
        most = of_epochs.chosen.num_trainings
        wanted = [each for each in wanted if each.num_trainings <= most]
    costs = context.searched_costs()
    free, chosen = time_for_finalists(context, costs, wanted)
    if chosen.by == "seeds" and of_epochs is None:
        # trained seed by seed until the time is over: more seeds make a narrower interval
        chosen = replace(chosen, each=max(chosen.each, context.request.seeds))
    return confirm(context, chosen, free - costs.start + context.seconds_of("finalists"))


def is_worse(value: float, than: float, files: Files) -> bool:
    """Return whether a score is worse than another one."""
    return value < than if files.maximizes else value > than


def confirm(context: StageContext, finals: FinalsChoice, seconds: float) -> list[str]:
    """Return the command that compares the best trials with the baseline.

    Args:
        context: the run.
        finals: which.
        seconds: its longest time.
    """
    timeout = f"hydra.sweeper.timeout={max(1.0, seconds):.0f}" if math.isfinite(seconds) else ""
    words = [f"top={finals.top}", f"{finals.by}={finals.each}", "baseline=defaults", "test=false"]
    return ["confirm", str(context.files.study), *words, *filter(None, [timeout])]


def time_for_finalists(
    context: StageContext, costs: Costs, wanted: Sequence[FinalsChoice]
) -> tuple[float, FinalsChoice]:
    """Return the seconds that finalists may take, and which fit: more than were planned if the
    search was quick. The training on all data keeps its share of what was left before the search,
    or else the time of its shortest form: it gains more.

    Raises:
        LeftOutError: not even the least fit.
    """
    rest = context.left - costs.ending
    before = rest + context.seconds_of(SPACE) + context.seconds_of("finalists")
    for reserved in (costs.winner_of(before), costs.of_winner):
        free = rest - reserved
        fitting = fit_finals(free * (1 - SPARE), costs, wanted)
        if fitting is not None:
            return free, fitting
    raise LeftOutError("the time that is left does not hold the trainings that an interval needs")


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


def test(context: StageContext) -> list[str]:
    """Return the command that looks at the test part, for the first and only time."""
    if context.files.plan.get("num_test", 1) == 0:
        raise LeftOutError("the data has no test part")
    return ["evaluate", *networks(context), "--split", "test", *out(context.files.test)]


def export(context: StageContext) -> list[str]:
    """Return the command that writes programs of their own."""
    check_ending(context, shell_command("export", *networks(context)))
    onnx = [] if find_spec("onnx") is not None else ["--format", "pt2"]
    return ["export", *networks(context), *onnx, *out(context.files.exported)]


def report(context: StageContext) -> list[str]:
    """Return the command that writes report.html."""
    source = context.files.study if context.files.trials else context.files.networks[0]
    check_ending(context, f"convsweep report {source}")
    return ["report", str(source), "--out", str(context.folder / "report.html")]


def check_ending(context: StageContext, command: str) -> None:
    """Check that there is time for a stage that can be done later as well.

    Raises:
        LeftOutError: the budget would be exceeded by more than a tenth.
    """
    needed = context.costs().start + ENDING_S / 2
    if context.seconds is not None and needed > context.left + OVER * context.seconds:
        raise LeftOutError(
            f"it takes about {duration_text(needed)}, which are not left; later: {command}"
        )


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


def preset(folder: Path, name: str) -> list[str]:
    """Return the command that trains a preset."""
    return ["train", "--config-dir", str(folder), "--config-name", name]


def place(folder: Path) -> list[str]:
    """Return the overrides that train in a folder, from its last checkpoint if there is one."""
    return [f"hydra.run.dir={path_text(folder)}", "ckpt_path=last"]


def path_text(path: Path) -> str:
    """Return a path as a value of an override; `train` puts it in quotes itself where only a plain
    character needs them.
    """
    text = str(path)
    return override_text(text) if set(text) & set(",'\"()[]{}") else text


def networks(context: StageContext) -> list[str]:
    """Return the runs that are the result."""
    return [str(folder) for folder in context.files.networks]


def out(folder: Path) -> list[str]:
    """Return the options that write into a folder which an interrupted start may have made."""
    return ["--out", str(folder), "--overwrite"]
