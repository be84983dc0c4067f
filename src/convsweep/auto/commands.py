"""The command of each stage, by what is measured when it begins."""

import math
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from convsweep.auto.files import PRESET, SPACE
from convsweep.auto.job import ENDING_S, EPOCHS, TRIAL_START_SHARE, Job
from convsweep.auto.shares import Costs, Finals, check_least, fit_finals, least_with_search
from convsweep.cli.duration import duration_text
from hydra_study import override_text

# Kept free of the finalists' time, since their last trainings end one by one, and of the last
# training's, which is of another length than those that were measured.
SPARE = 0.05
# By how much of itself a budget may be exceeded for export and report.
OVER = 0.1
# Number of the trial that is the baseline: the plan queues it as the first point.
BASELINE = "0"
RUNG = "hydra.sweeper.schedule.min_steps"
# Epochs of a training, in those of its first comparison, that promotion needs.
COMPARISONS = 3


class LeftOutError(Exception):
    """A stage is left out; the message says why."""


def plan(job: Job) -> list[str]:
    """Return the command that looks at the data and writes plan.yaml and sweeps/search.yaml."""
    seconds = job.request.seconds
    budget = [] if seconds is None else [f"budget={seconds:g}s"]
    return ["plan", *job.request.overrides, f"folder={path_text(job.folder)}", *budget]


def baseline(job: Job) -> list[str]:
    """Return the command that trains the plan's own network.

    Raises:
        UserError: the budget does not hold it.
    """
    check_baseline(job)
    return [*preset(job.folder, PRESET), *place(job.files.baseline), "test=false"]


def check_baseline(job: Job) -> None:
    """Check that the budget holds the baseline and its test.

    Raises:
        UserError: it does not; the message says what it would take.
    """
    if job.files.baseline_result:
        return
    if job.request.seconds is not None:
        needed = job.state.seconds + job.costs().least
        check_least(job.request.seconds, job.state.seconds, job.costs(), duration_text(needed))
    if job.request.epochs is not None:
        epochs = float(job.max_epochs)
        check_least(job.request.epochs, 0.0, Costs(epochs, epochs), f"{epochs:g} epochs")


def search(job: Job) -> list[str]:
    """Return the command of the search."""
    share = job.shares()
    if not share.search:
        least = job.choices[-1]
        needed = least_with_search(job.costs(), least, job.shortest)
        raise LeftOutError(
            f"a search, {least.num_trainings} trainings of finalists and the end need about"
            f" {duration_text(needed)} from here on; the training on all data has the time instead"
        )
    # the engine counts all starts of a study
    timeout = max(1.0, share.search - job.costs().start) + job.seconds_of(SPACE)
    epochs = max(1, round(share.length * job.max_epochs))
    shorter = [] if epochs == job.max_epochs else [f"{EPOCHS}={epochs}"]
    timed = "null" if math.isinf(timeout) else f"{timeout:.0f}"
    n_trials = job.n_trials()
    return [
        "train",
        "-m",
        *preset(job.folder, PRESET)[1:],
        f"sweeps={SPACE}",
        f"hydra.sweep.dir={path_text(job.files.study)}",
        f"hydra.sweeper.study_name={path_text(Path(job.folder.name))}",
        f"hydra.sweeper.timeout={timed}",
        f"hydra.sweeper.n_trials={'null' if n_trials is None else n_trials}",
        "hydra.sweeper.finalists=null",
        *shorter,
        *schedule_of(job, epochs),
        *job.request.engine,
    ]


def finalists(job: Job) -> list[str]:
    """Return the command that trains the best trials and the baseline with several seeds."""
    if not job.files.trials:
        raise LeftOutError("there was no search")
    if not job.files.complete:
        raise LeftOutError("no trial of the search came to its end")
    of_epochs, wanted = job.epoch_shares(), job.choices
    if of_epochs is not None and of_epochs.chosen is not None:
        most = of_epochs.chosen.num_trainings
        wanted = [each for each in wanted if each.num_trainings <= most]
    costs = job.searched_costs()
    free, chosen = time_for_finalists(job, costs, wanted)
    if chosen.by == "seeds" and of_epochs is None:
        # trained seed by seed until the time is over: more seeds make a narrower interval
        chosen = replace(chosen, each=max(chosen.each, job.request.seeds))
    if any(row["number"] == BASELINE for row in job.files.complete[: chosen.top]):
        # as it is trained anyway, it takes no place; without another complete trial it stays
        chosen = replace(chosen, top=min(chosen.top + 1, len(job.files.complete)))
    return confirm(job, chosen, free - costs.start + job.seconds_of("finalists"))


def confirm(job: Job, finals: Finals, seconds: float) -> list[str]:
    """Return the command that compares the best trials with the baseline.

    Args:
        job: the run.
        finals: which.
        seconds: its longest time.
    """
    timeout = f"hydra.sweeper.timeout={max(1.0, seconds):.0f}" if math.isfinite(seconds) else ""
    words = [f"top={finals.top}", f"{finals.by}={finals.each}", "baseline=defaults", "test=false"]
    return ["confirm", str(job.files.study), *words, *filter(None, [timeout])]


def time_for_finalists(job: Job, costs: Costs, wanted: Sequence[Finals]) -> tuple[float, Finals]:
    """Return the seconds that finalists may take, and which fit: more than were planned if the
    search was quick, and without the training on all data if need be.

    Raises:
        LeftOutError: not even the least fit.
    """
    rest = job.left - costs.ending
    for reserved in (costs.winner_of(rest), costs.of_winner, 0.0):
        free = rest - reserved
        fitting = fit_finals(free * (1 - SPARE), costs, wanted)
        if fitting is not None:
            return free, fitting
    raise LeftOutError("the time that is left does not hold the trainings that an interval needs")


def winner(job: Job) -> list[str]:
    """Return the command that trains the chosen network once more on all data that is not test, for
    as many epochs as the time holds: at least as many as its trainings had, at most the recipe's.
    """
    files = job.files
    fewest = max(1, round(median(files.fitting_epochs or [job.max_epochs])))
    costs = job.costs()
    epoch = files.seconds_per_epoch * job.more_data
    needed = costs.start + fewest * epoch
    if needed > job.left - costs.start:  # of the test; export and report can be done later
        raise LeftOutError(f"it takes about {duration_text(needed)}, which are not left")
    epochs = min(max(fewest, epochs_that_fit(job, costs, epoch)), most_epochs(job, fewest))
    chosen = (
        preset(files.study / "confirm", "best") if files.is_better else preset(job.folder, PRESET)
    )
    return [
        *chosen,
        *place(files.winner),
        "data.train_on_val=true",
        f"{EPOCHS}={epochs}",
        f"trainer.check_val_every_n_epoch={epochs}",
        "callbacks.early_stopping=null",
        "test=false",
    ]


def epochs_that_fit(job: Job, costs: Costs, epoch_s: float) -> int:
    """Return for how many epochs of the training on all data there is time before the last stages;
    0 without a limit of time.
    """
    free = job.left - costs.ending - costs.start
    return int((1 - SPARE) * free / epoch_s) if math.isfinite(free) and epoch_s > 0 else 0


def most_epochs(job: Job, fewest: int) -> int:
    """Return how many epochs the training on all data has at most, if its trainings had
    `fewest`.
    """
    if job.request.epochs is not None or job.files.stopped_early:
        return fewest
    return max(fewest, job.recipe_epochs)


def test(job: Job) -> list[str]:
    """Return the command that looks at the test part, for the first and only time."""
    if job.files.plan.get("num_test", 1) == 0:
        raise LeftOutError("the data has no test part")
    return ["evaluate", str(job.files.network), "--split", "test", *out(job.files.test)]


def export(job: Job) -> list[str]:
    """Return the command that writes programs of their own."""
    check_ending(job, f"convsweep export {job.files.network}")
    onnx = [] if find_spec("onnx") is not None else ["--format", "pt2"]
    return ["export", str(job.files.network), *onnx, *out(job.files.exported)]


def report(job: Job) -> list[str]:
    """Return the command that writes report.html."""
    source = job.files.study if job.files.trials else job.files.network
    check_ending(job, f"convsweep report {source}")
    return ["report", str(source), "--out", str(job.folder / "report.html")]


def check_ending(job: Job, command: str) -> None:
    """Check that there is time for a stage that can be done later as well.

    Raises:
        LeftOutError: the budget would be exceeded by more than a tenth.
    """
    needed = job.costs().start + ENDING_S / 2
    if job.request.seconds is not None and needed > job.left + OVER * job.request.seconds:
        raise LeftOutError(
            f"it takes about {duration_text(needed)}, which are not left; later: {command}"
        )


def schedule_of(job: Job, epochs: int) -> list[str]:
    """Return the overrides of the search's schedule: trials are first compared after a ninth of
    the epochs, as in the plan, but not before a training has taken as long as it takes to start a
    trial again. Where that is too late for two comparisons, each trial is trained to its end.

    Args:
        job: the run.
        epochs: of a trial.
    """
    usual = max(1, epochs // 9)
    again = job.costs().start * TRIAL_START_SHARE / max(1e-9, job.baseline_epoch_s)
    first = max(usual, math.ceil(again))
    if COMPARISONS * first > epochs:
        return ["hydra/sweeper/schedule=none"]
    return [] if (first, epochs) == (usual, job.max_epochs) else [f"{RUNG}={first}"]


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


def out(folder: Path) -> list[str]:
    """Return the options that write into a folder which an interrupted start may have made."""
    return ["--out", str(folder), "--overwrite"]
