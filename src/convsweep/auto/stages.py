"""The stages of a run: what each is for, and its command."""

import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean, median

from convsweep.auto.files import PRESET, SPACE, Files
from convsweep.auto.request import Request, key_of, value_of
from convsweep.auto.shares import (
    FINALS_SHARE,
    Costs,
    Finals,
    Shares,
    check_least,
    choices,
    fit_finals,
    share_out,
)
from convsweep.auto.state import State
from convsweep.cli.duration import duration_text
from hydra_study import override_text

# Until the baseline has measured it: what a command takes besides its work.
START_S = 8.0
SLOTS = "hydra.sweeper.slots"
# What the exported programs and the report take besides that.
ENDING_S = 15.0
# Stages of the ending, each with a start.
NUM_ENDING = 3
# Trainings side by side are slower than one alone by about so much.
SIDE_BY_SIDE = 0.8
# Kept free of the finalists' time, since their last trainings end one by one.
SPARE = 0.05


class LeftOutError(Exception):
    """A stage is left out; the message says why."""


@dataclass
class Job:
    """A run at the start of a stage.

    Attributes:
        request: what is asked for.
        folder: of everything that is written.
        state: how far it has come.
    """

    request: Request
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
    def left(self) -> float:
        """Seconds of the budget that are not spent."""
        total = self.request.seconds
        return math.inf if total is None else total - self.state.seconds

    @property
    def max_epochs(self) -> int:
        """Epochs of the baseline."""
        return int(self.files.plan.get("epochs") or self.files.baseline_result.get("epochs") or 1)

    @property
    def slots(self) -> int:
        """How many trainings of a search run at a time."""
        given = [value_of(text) for text in self.request.engine if key_of(text) == SLOTS]
        own = given[-1] if given and given[-1].isdigit() else self.files.plan.get("slots")
        return int(own or 1)

    @property
    def choices(self) -> list[Finals]:
        """Which finalists to try, the wanted ones first; of no more trials than are complete."""
        asked = self.request
        top = min(asked.top, len(self.files.complete) or asked.top)
        folds = asked.folds or self.files.plan.get("num_folds") or None
        return choices(top, asked.seeds, folds, only_folds=asked.folds is not None)

    @property
    def more_data(self) -> float:
        """How much larger all data that is not test is than the training part."""
        counts = [int(self.files.plan.get(f"num_{part}") or 0) for part in ("train", "val")]
        return sum(counts) / counts[0] if counts[0] else 1.0

    def costs(self) -> Costs:
        """Return what the parts cost in seconds, by what is measured so far."""
        measured = float(self.files.baseline_result.get("seconds") or 0.0)
        planned = float(self.files.plan.get("seconds_per_training") or 0.0)
        training = measured or planned
        start = START_S
        own = self.state.stages.get("baseline")
        if measured and own is not None and own.starts == 1:
            start = max(1.0, own.seconds - measured)
        ending = NUM_ENDING * start + ENDING_S
        at_once = max(1.0, SIDE_BY_SIDE * self.slots)
        return Costs(training, training * self.more_data, start, ending, at_once)

    def searched_costs(self) -> Costs:
        """Return what the parts cost in seconds, by the best trials of the search."""
        before = self.costs()
        named = [row.get("seconds") for row in self.files.complete[: self.request.top]]
        seconds = [float(text) for text in named if text]
        if not seconds:
            return before
        total = sum(float(row.get("seconds") or 0.0) for row in self.files.trials)
        wall = max(1.0, self.seconds_of(SPACE) - before.start)
        longest = max(fmean(seconds), before.training)
        return Costs(
            longest,
            longest * self.more_data,
            before.start,
            before.ending,
            at_once=max(1.0, total / wall),
        )

    def shares(self) -> Shares:
        """Return what each stage after the baseline may use of the time; infinite without a limit,
        0 where it is left out.
        """
        of_epochs, costs = self.epoch_shares(), self.costs()
        if self.request.seconds is None:
            shares = Shares(math.inf, math.inf, math.inf, self.choices[0])
        else:
            planned = 0.0 if self.files.baseline_result else costs.start + costs.training
            shares = share_out(self.left - planned, costs, self.choices)
        if of_epochs is None or not shares.search:
            return shares
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
        return share_out(self.request.epochs - epochs, Costs(epochs, epochs), self.choices)

    def n_trials(self) -> int | None:
        """Return the largest number of trials; None where only the time limits them."""
        shares = self.epoch_shares()
        if shares is None:
            return self.request.n_trials
        return min(max(1, int(shares.search / self.max_epochs)), self.request.n_trials or 10**9)


@dataclass(frozen=True)
class Stage:
    """A stage.

    Attributes:
        name: of it, and mostly of its folder.
        purpose: what it is for, for the table.
        command: returns the arguments after `convsweep`; None for the card, which has none.
            Raises LeftOutError.
        is_needed: whether its failure ends the run.
    """

    name: str
    purpose: str
    command: Callable[[Job], list[str]] | None
    is_needed: bool = True


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
    """Check that the budget holds the baseline, its test and its export.

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
        costs, least = job.costs(), job.choices[-1]
        finals = costs.of_finals(least)
        needed = max(finals / FINALS_SHARE, finals + costs.of_search) + costs.ending
        raise LeftOutError(
            f"a search, {least.num_trainings} trainings of finalists and the end need about"
            f" {duration_text(needed)} from here on; give a larger budget"
        )
    # the engine counts all starts of a study
    timeout = max(1.0, share.search - job.costs().start) + job.seconds_of(SPACE)
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
    for reserved in (costs.of_winner, 0.0):
        free = job.left - costs.ending - reserved
        fitting = fit_finals(free * (1 - SPARE), costs, wanted)
        if fitting is not None:
            return free, fitting
    raise LeftOutError("the time that is left does not hold the trainings that an interval needs")


def fewer(one: Finals | None, other: Finals | None) -> Finals | None:
    """Return the finalists with fewer trainings; None if either is."""
    if one is None or other is None:
        return None
    return min(one, other, key=lambda each: each.num_trainings)


def winner(job: Job) -> list[str]:
    """Return the command that trains the chosen network on all data that is not test, for as many
    epochs as its trainings needed.
    """
    files = job.files
    epochs = max(1, round(median(files.fitting_epochs or [job.max_epochs])))
    done = job.searched_costs()
    needed = done.start + done.training * job.more_data * epochs / job.max_epochs
    if needed > job.left - done.ending:
        raise LeftOutError(f"it takes about {duration_text(needed)}, which are not left")
    chosen = (
        preset(files.study / "confirm", "best") if files.is_better else preset(job.folder, PRESET)
    )
    return [
        *chosen,
        *place(files.winner),
        "data.train_on_val=true",
        f"trainer.max_epochs={epochs}",
        f"trainer.check_val_every_n_epoch={epochs}",
        "callbacks.early_stopping=null",
        "test=false",
    ]


def test(job: Job) -> list[str]:
    """Return the command that looks at the test part, for the first and only time."""
    if job.files.plan.get("num_test", 1) == 0:
        raise LeftOutError("the data has no test part")
    return ["evaluate", str(job.files.network), "--split", "test", *out(job.files.test)]


def export(job: Job) -> list[str]:
    """Return the command that writes programs of their own."""
    onnx = [] if find_spec("onnx") is not None else ["--format", "pt2"]
    return ["export", str(job.files.network), *onnx, *out(job.files.exported)]


def report(job: Job) -> list[str]:
    """Return the command that writes report.html."""
    source = job.files.study if job.files.trials else job.files.network
    return ["report", str(source), "--out", str(job.folder / "report.html")]


STAGES = (
    Stage("plan", "look at the data, decide, measure", plan),
    Stage("baseline", "train the plan's own network", baseline),
    Stage(SPACE, "look for better networks", search),
    Stage("finalists", "the best ones against the baseline, several seeds", finalists),
    Stage("winner", "train the chosen one on all data that is not test", winner),
    Stage("test", "the test part, once", test),
    Stage("export", "programs to use elsewhere", export, is_needed=False),
    Stage("report", "report.html", report, is_needed=False),
    Stage("card", "card.md", None),
)


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


def free_disk(folder: Path) -> int:
    """Return the free bytes of a folder's disk."""
    place = next(each for each in (folder, *folder.absolute().parents) if each.is_dir())
    return shutil.disk_usage(place).free
