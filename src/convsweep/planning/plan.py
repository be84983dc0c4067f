"""From overrides to a plan: look, decide, measure."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from convsweep.data.files.fingerprints import check_unchanged, fingerprint_files, own_folder
from convsweep.planning.baseline import (
    Baseline,
    choose_width,
    feasible_share,
    measure_watts,
    steps_on_all,
    with_options,
)
from convsweep.planning.decisions import Decisions
from convsweep.planning.energy_meter import EnergyLimit
from convsweep.planning.folder import RECORD
from convsweep.planning.given import parse_given
from convsweep.planning.look.look import Look
from convsweep.planning.look.words import answer_text, describe
from convsweep.planning.planned import Plan, Planned
from convsweep.planning.reading import make_look
from convsweep.planning.rules.augmentation import decide_augmentation, decide_normalization
from convsweep.planning.rules.balance import decide_balance
from convsweep.planning.rules.batch import decide_batch
from convsweep.planning.rules.pace import STEPS, check_budget, num_trials
from convsweep.planning.rules.pretrained import decide_pretrained
from convsweep.planning.rules.training import decide_epochs, decide_lr
from convsweep.planning.space import MACS_FACTOR, make_space
from convsweep.training.data_summary import FEW_VALIDATION

if TYPE_CHECKING:
    from convsweep.data.datamodule import DataModule

# Steps of a training below which its scores say little.
FEW_STEPS = STEPS // 10


def make_plan(
    overrides: Sequence[str],
    folder: Path,
    seconds: float | None,
    energy: EnergyLimit | None = None,
    tell: Callable[[Look], None] = lambda look: None,
) -> Planned:
    """Look at the data, decide, and measure the baseline.

    Args:
        overrides: as `train` takes them; each is kept.
        folder: of the plan, whose record of an earlier plan must have the same files.
        seconds: the budget of time for everything; None: no limit.
        energy: that of energy; the one that is used up first holds.
        tell: called with the look, before anything is measured, which may take minutes.

    Raises:
        UserError: the data is too small or has changed, or the budget does not pay one baseline.
    """
    from convsweep.training.imports import prepare_imports

    given = parse_given(overrides)
    cfg, slots = given.compose(), given.slots
    marks = fingerprint_files(own_folder(cfg.data))
    record = (folder / RECORD).absolute()
    if record.is_file():
        check_unchanged(record, marks)
    prepare_imports()
    decisions, look, data = make_look(given)
    tell(look)
    augmentations = decide_recipe(decisions, look, data)
    watts, energy_s = None, math.inf
    if energy is not None:
        watts = energy.watts or measure_watts(decisions, look, data, energy.meter, slots)
        energy_s = energy.joules / watts
        seconds = energy_s if seconds is None else min(seconds, energy_s)
    baseline = choose_width(decisions, look, data, seconds, slots)
    remedy = ", or keep fewer samples by data.max_train"
    check_budget(baseline.pace, seconds, remedy, watts if seconds == energy_s else None)
    epochs = decide_epochs(decisions, baseline.pace, seconds)
    decide_lr(decisions, baseline.pace.speed)
    space = make_space(decisions, look, augmentations)
    macs = int(baseline.cost["macs"] or 0)
    max_macs = int(MACS_FACTOR * macs) if macs and not given.has("budget.max_macs") else None
    plan = in_numbers(decisions, look, data, baseline, epochs)
    plan.watts, plan.max_macs = watts, max_macs
    plan.num_trials = num_trials(baseline.pace, epochs, seconds)
    plan.feasible = feasible_share(decisions, space, max_macs)
    plan.data_fingerprint = marks
    decisions.decide("data_files", str(record), "the files that it lists are checked")
    return Planned(plan, look, decisions, space, data)


def decide_recipe(decisions: Decisions, look: Look, data: "DataModule") -> list[str]:
    """Decide what needs no measurement, and return the augmentations worth a try."""
    augmentations = decide_augmentation(decisions, look)
    decide_pretrained(decisions, look)
    decide_normalization(decisions, look)
    decide_balance(decisions, look)
    decide_batch(
        decisions,
        data.num_train_items,
        dim=len(look.in_shape) - 1,
        sample_bytes=math.prod(look.in_shape),
        is_dense=look.kind.is_dense,
        unit="crops" if data.info.any_size else "samples",
    )
    return augmentations


def in_numbers(
    decisions: Decisions, look: Look, data: "DataModule", baseline: Baseline, epochs: int
) -> Plan:
    """Return a plan in numbers, without those of its search.

    Args:
        epochs: of each training.
    """
    pace, cost = baseline.pace, baseline.cost
    plan = Plan(
        data=describe(look),
        has_classes=look.kind.has_classes,
        num_train=len(data.train),
        num_val=pace.num_val,
        num_test=0 if data.test is None else len(data.test),
        classes=look.class_names,
        answers=answer_text(look),
        window_overlap=float(baseline.cfg.model.window_overlap) if data.info.any_size else None,
        monitor=str(baseline.cfg.monitor.metric),
        mode=str(baseline.cfg.monitor.mode),
        samples_per_second=pace.speed.train_speed,
        epochs=epochs,
        steps=pace.steps,
        steps_on_all=steps_on_all(with_options(data, baseline.cfg), pace.num_val),
        longest_epochs=pace.longest_epochs,
        fewest_epochs=pace.fewest_epochs,
        validation_share=pace.validation_share,
        left_out_augment=baseline.left_out_augment,
        seconds_per_training=pace.training_s(epochs),
        slots=pace.slots * pace.workers,
        memory=int(cost["memory"] or 0),
        checkpoint_bytes=2 * 4 * 3 * int(cost["params"]),  # best and last, weights and two states
        num_folds=data.loading["num_folds"] or 0,
        has_groups=data.groups(data.train.names) is not None,
        val_fraction=decisions.get("data.val_fraction"),
        overrides=list(decisions.given.overrides),
    )
    plan.warnings = warnings_of(plan, look, epochs * pace.steps)
    return plan


def warnings_of(plan: Plan, look: Look, steps: int) -> list[str]:
    """Return what makes scores doubtful, a sentence each.

    Args:
        steps: of a training.
    """
    said = [fault.text for fault in look.faults]
    if plan.num_val < FEW_VALIDATION:
        what = (
            "validation is on the training samples, so its scores say nothing"
            if plan.num_val == 0
            else f"validation has {plan.num_val} samples: one is {1 / plan.num_val:.0%}, so that"
            " networks can hardly be told apart"
        )
        said.append(what)
    if steps < FEW_STEPS:
        said.append(
            f"a training has {steps} steps, a tenth or less of the {STEPS:,} of a recipe, so that"
            " scores say little of what a longer one would reach; a larger budget helps"
        )
    return said
