"""From overrides to a folder with a plan: look, decide, measure, write."""

import copy
import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from convsweep.cli.duration import duration_text
from convsweep.cost import in_si
from convsweep.data.files.fingerprints import check_unchanged, fingerprint_files, own_folder
from convsweep.errors import InfeasibleError, UserError
from convsweep.planning import files, rules_data, rules_network, rules_training
from convsweep.planning.decisions import Decision, Decisions
from convsweep.planning.given import Given, parse_given
from convsweep.planning.look import Look, look_at, spacings
from convsweep.planning.measure import device_of, measure
from convsweep.planning.rules_training import Pace
from convsweep.planning.space import MACS_FACTOR, Dimension, make_space, random_point
from convsweep.planning.writing import plan_text, search_text
from convsweep.run_folder import write_atomically
from convsweep.training import build, feasibility
from convsweep.training.early_checks import check_no_key_is_missing
from hydra_study import usable_cores

if TYPE_CHECKING:
    from convsweep.data.datamodule import DataModule

PLAN, RECORD, LOOK, SEARCH = "plan.yaml", "plan.json", "look.json", "sweeps/search.yaml"
# Random points of the space whose feasibility is checked.
POINTS = 20


@dataclass
class Plan:
    """What a plan says in numbers, kept as `plan.json`.

    Args:
        data: what the data is, in one line.
        num_train, num_val, num_test: samples of each part; 0: there is none.
        classes: their names.
        monitor, mode: the metric that chooses epochs and trials, and `max` or `min`.
        samples_per_second: of the baseline in training, on one slot.
        epochs: of each training.
        seconds_per_training: of the baseline.
        num_trials: how many the search begins within its share of the budget.
        slots: trainings at a time.
        feasible: share of random points of the space that can be trained.
        memory: bytes of a step of the baseline.
        checkpoint_bytes: of a trial's folder.
        num_folds: 0 for one split.
        val_fraction: share of the samples that validates; None if the data has a part for it.
        data_fingerprint: of each file of the user's own.
        warnings: what makes scores doubtful, one sentence each.
        overrides: what the user gave.
    """

    data: str
    num_train: int
    num_val: int
    num_test: int
    classes: list[str]
    monitor: str
    mode: str
    samples_per_second: float = 0.0
    epochs: int = 0
    seconds_per_training: float = 0.0
    num_trials: int = 0
    slots: int = 1
    feasible: float = 1.0
    memory: int = 0
    checkpoint_bytes: int = 0
    num_folds: int = 0
    val_fraction: float | None = None
    data_fingerprint: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    overrides: list[str] = field(default_factory=list)


@dataclass
class Planned:
    """A plan with what led to it."""

    plan: Plan
    look: Look
    decisions: Decisions
    space: list[Dimension]


def fingerprint(overrides: Sequence[str]) -> dict[str, str]:
    """Return size and a short hash of each file that these overrides name; nothing is decoded."""
    return fingerprint_files(own_folder(parse_given(overrides).compose().data))


def write_plan(overrides: Sequence[str], folder: Path, seconds: float | None = None) -> Plan:
    """Look at the data, decide, measure the baseline and write the plan into a folder.

    Args:
        overrides: as `train` takes them; each is kept.
        seconds: the budget of time for everything; None: no limit.

    Raises:
        UserError: the data is too small, or the budget does not pay one baseline.
    """
    return write(make_plan(overrides, folder, seconds), folder).plan


def make_plan(overrides: Sequence[str], folder: Path, seconds: float | None) -> Planned:
    """Look at the data, decide, and measure the baseline."""
    from convsweep.training.imports import prepare_imports

    given = parse_given(overrides)
    cfg = given.compose()
    check_no_key_is_missing(cfg)
    marks = fingerprint_files(own_folder(cfg.data))
    record = (folder / RECORD).absolute()
    if record.is_file():
        check_unchanged(record, marks)
    prepare_imports()
    decisions, look, data = make_look(given)
    augmentations = rules_data.decide_augmentation(decisions, look)
    rules_data.decide_normalization(decisions, look)
    rules_data.decide_balance(decisions, look)
    sample_bytes = 1
    for size in look.in_shape:
        sample_bytes *= size
    dim = len(look.in_shape) - 1
    is_dense = data.info.kind.is_dense
    rules_data.decide_batch(decisions, len(data.train), dim, sample_bytes, is_dense)
    slots = usable_cores() if device_of("auto").type == "cpu" else 1
    cfg, pace, cost = choose_width(decisions, look, data, seconds, slots)
    rules_training.check_budget(pace, seconds, ", or keep fewer samples by data.max_train")
    epochs = rules_training.decide_epochs(decisions, pace, seconds)
    rules_training.decide_lr(decisions, pace.speed)
    space = make_space(decisions, look, augmentations)
    plan = Plan(
        data=describe(look),
        num_train=len(data.train),
        num_val=0 if data.val is data.train else len(data.val),
        num_test=0 if data.test is None else len(data.test),
        classes=look.class_names,
        monitor=str(cfg.monitor.metric),
        mode=str(cfg.monitor.mode),
        samples_per_second=pace.speed.train_speed,
        epochs=epochs,
        seconds_per_training=pace.training_s(epochs),
        num_trials=rules_training.num_trials(pace, epochs, seconds),
        slots=slots,
        memory=int(cost["memory"] or 0),
        checkpoint_bytes=2 * 4 * 3 * int(cost["params"]),  # best and last, weights and two states
        num_folds=int(decisions.get("data.num_folds") or 0),
        val_fraction=decisions.get("data.val_fraction"),
        data_fingerprint=marks,
        overrides=list(overrides),
    )
    plan.feasible = feasible_share(decisions, space, int(cost["macs"] or 0))
    plan.warnings = warnings_of(plan, look)
    limit_search(decisions, cost)
    if marks:
        decisions.decide(
            "data_files", str(record), "no training if the files are others than these"
        )
    return Planned(plan, look, decisions, space)


def make_look(given: Given) -> "tuple[Decisions, Look, DataModule]":
    """Look at the data of a command line.

    Returns:
        The decisions on which the reading depends, the look, and the data, set up.

    Raises:
        UserError: there is no such data, or too little of it.
    """
    decisions = Decisions(given)
    data, headers = prepare_data(decisions)
    return decisions, look_at(data, headers), data


def prepare_data(decisions: Decisions) -> "tuple[DataModule, list[files.ImageFile]]":
    """Decide what is read and how it is split, and return the data, set up."""
    given = decisions.given
    if not given.has("data"):
        raise UserError("a plan needs data; name it, as in data=image_folder data.root=photos")
    cfg = given.compose()
    root = own_folder(cfg.data)
    headers: list[files.ImageFile] = []
    if root is not None and root.is_dir() and "image_size" in cfg.data:
        images = root / str(cfg.data.get("images", ""))
        headers = files.image_headers([images if images.is_dir() else root], root)
        rules_data.decide_size(decisions, headers, "masks" in cfg.data)
    if root is not None:
        own = own_key(cfg)
        decisions.made[own] = Decision(own, str(root.absolute()), "given by you", is_given=True)
    data = build.data_module(given.compose(decisions.overrides()).data)
    rules_network.decide_task(decisions, data.info.task)
    rules_data.decide_split(decisions, data, data.read())
    rules_data.decide_spacing(decisions, spacings(data))
    rules_data.decide_patch(decisions, data)
    data = build.build_data(given.compose(decisions.overrides()))
    data.setup("fit")
    return data, headers


def own_key(cfg: DictConfig) -> str:
    """Return the key that names the user's own files."""
    from hydra.utils import get_object

    return f"data.{get_object(str(cfg.data._target_)).own_files}"


def choose_width(
    decisions: Decisions, look: Look, data: "DataModule", seconds: float | None, slots: int
) -> tuple[DictConfig, Pace, dict[str, Any]]:
    """Decide the widest baseline that the budget trains long enough, measuring each that is tried.

    Returns:
        Its config, pace and cost.
    """
    small, width, large = rules_network.WIDTHS
    if seconds is not None and not rules_network.has_own_network(decisions):
        pace = try_width(decisions, look, data, width, slots)[1]
        enough = rules_training.ENOUGH * pace.wanted_epochs
        if pace.affordable_epochs(seconds) < max(enough, pace.fewest_epochs):
            width = small
        # twice the width takes about four times as long
        elif pace.affordable_epochs(seconds / 4) >= pace.wanted_epochs:
            width = large
    for_lr = not decisions.given.has("optimizer.lr")
    return try_width(decisions, look, data, width, slots, for_lr=for_lr)


def try_width(
    decisions: Decisions,
    look: Look,
    data: "DataModule",
    width: int,
    slots: int,
    for_lr: bool = False,
) -> tuple[DictConfig, Pace, dict[str, Any]]:
    """Return config, pace and cost of the baseline with this width, and the learning rate of a
    range test if it is `for_lr`.
    """
    rules_network.decide_network(decisions, look, width)
    cfg, cost = feasible_config(decisions)
    batch = int(cfg.data.batch_size)
    if cost["memory"] is not None:
        each = int(cost["memory"]) / batch

        def memory(samples: int) -> int:
            return round(each * samples)

        batch = rules_data.fit_memory(decisions, batch, memory, slots)
        cfg, cost = feasible_config(decisions)
    ready = with_options(data, cfg)
    threads = max(1, usable_cores() // slots)
    num_val = 0 if data.val is data.train else len(data.val)
    speed = measure(cfg, ready, threads, for_lr)
    return cfg, Pace(len(data.train), num_val, batch, slots, speed), cost


def with_options(data: "DataModule", cfg: DictConfig) -> "DataModule":
    """Return the data, already read, with the batches and augmentation of a config."""
    ready = copy.copy(data)
    ready.loading = build.data_module(cfg.data).loading
    for name in ("augmentation", "mixing"):
        vars(ready).pop(name, None)
    return ready


def feasible_config(decisions: Decisions) -> tuple[DictConfig, dict[str, Any]]:
    """Return the config of all decisions so far, and the cost of its network."""
    cfg = decisions.given.compose(decisions.overrides())
    return cfg, feasibility.check(cfg)


def feasible_share(decisions: Decisions, space: list[Dimension], macs: int) -> float:
    """Return the share of random points of a space whose networks can be trained."""
    cfg = decisions.given.compose(decisions.overrides())
    feasibility.fill_shape(cfg)
    if macs and cfg.budget.max_macs is None:
        cfg.budget.max_macs = int(MACS_FACTOR * macs)
    generator = random.Random(0)
    good = 0
    for _ in range(POINTS):
        point = {
            key: value for key, value in random_point(space, generator).items() if "/" not in key
        }
        tried = cfg.copy()
        for key, value in point.items():
            OmegaConf.update(tried, key, value, force_add=True)
        try:
            feasibility.check(tried)
        except InfeasibleError:
            continue
        good += 1
    return good / POINTS


def limit_search(decisions: Decisions, cost: dict[str, Any]) -> None:
    """Remember the limit of the search's networks."""
    if cost["macs"] and not decisions.given.has("budget.max_macs"):
        limit = int(MACS_FACTOR * int(cost["macs"]))
        decisions.search_macs = f"{in_si(limit).replace(' ', '')}"


def describe(look: Look) -> str:
    """Return what the data is, in one line."""
    kind = {1: "signals", 2: "images", 3: "volumes"}[len(look.in_shape) - 1]
    size = "x".join(map(str, look.in_shape[1:]))
    classes = f", {len(look.class_names)} classes" if look.counts else ""
    channels = look.in_shape[0]
    return (
        f"{look.total:,} {kind} of {size} with {channels} channel{'s' if channels > 1 else ''},"
        f" {look.task}{classes}"
    )


def warnings_of(plan: Plan, look: Look) -> list[str]:
    """Return what makes scores doubtful, a sentence each."""
    said = [fault.text for fault in look.faults]
    if plan.num_val < 30:
        what = (
            "validation is on the training samples, so its scores say nothing"
            if plan.num_val == 0
            else f"validation has {plan.num_val} samples: one is {1 / plan.num_val:.0%}, so that"
            " networks can hardly be told apart"
        )
        said.append(what)
    return said


def write(planned: Planned, folder: Path) -> Planned:
    """Write plan.yaml, sweeps/search.yaml, look.json and plan.json."""
    plan, decisions = planned.plan, planned.decisions
    (folder / "sweeps").mkdir(parents=True, exist_ok=True)
    place = f"--config-dir {folder} --config-name plan"
    header = [
        f"convsweep train {place}",
        f"The plan of {plan.data}. Rules and their sources: docs/plan.md.",
    ]
    write_atomically(folder / PLAN, plan_text(decisions, header))
    trained = (
        f"{plan.num_trials} trials are begun in the search's half of the budget: a"
        f" training of the baseline takes {duration_text(plan.seconds_per_training)},"
        f" {plan.slots} at a time, and a third of the trials is trained in full"
    )
    first = max(1, plan.epochs // 9)
    settings = [
        Decision("hydra/sweeper/schedule", "promotion", "first in docs/search.md", is_group=True),
        Decision("hydra/sweeper/sampler", "auto", "by the space", is_group=True),
        Decision("test", False, "a search does not look at the test part"),
        Decision(
            "budget.max_macs",
            decisions.search_macs,
            f"{MACS_FACTOR:g} times those of the baseline, so that a trial takes no longer than"
            f" about as many times; {plan.feasible:.0%} of {POINTS} random points can be trained",
        ),
        Decision("hydra.sweeper.study_name", f"search_{folder.name}", ""),
        Decision("hydra.sweeper.n_trials", plan.num_trials, trained),
        Decision(
            "hydra.sweeper.schedule.min_steps", first, "a ninth of the epochs, docs/search.md"
        ),
    ]
    kept = [each for each in settings if each.value is not None]
    text = search_text(planned.space, kept, [f"convsweep train -m {place} sweeps=search"])
    write_atomically(folder / SEARCH, text)
    write_atomically(folder / LOOK, json.dumps(planned.look.as_dict(), indent=1) + "\n")
    write_atomically(folder / RECORD, json.dumps(asdict(plan), indent=1) + "\n")
    return planned
