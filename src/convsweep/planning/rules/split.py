"""Rules about the parts of the data: what is trained, validated and tested on."""

import numpy as np

from convsweep.data.checks import examples
from convsweep.data.datamodule import DataModule
from convsweep.data.division import divide
from convsweep.data.options import LoadingOptions
from convsweep.data.samples import Parts, Samples
from convsweep.errors import UserError
from convsweep.planning.decisions import Decisions

# Below so many samples to train and validate on, a split says little: five folds (nnU-Net).
FEW, NUM_FOLDS = 300, 5
FEWEST = 5


def decide_split(decisions: Decisions, data: DataModule, read: Parts) -> None:
    """Decide what is validated and tested on.

    Raises:
        UserError: there are too few samples, or a class has one.
    """
    train, val, test = read
    check_enough(data, read)
    count = len(train)
    if test is None:
        share = 0.2 if count >= 50 else None
        decisions.decide(
            "data.test_fraction",
            share,
            f"no test part; a fifth of {count:,} samples, which the search never looks at"
            if share
            else f"no test part, and {count} samples are too few (50) to keep some for it",
        )
        count -= round(count * (decisions.get("data.test_fraction") or 0.0))
    if val is not None or data.loading["num_folds"] is not None:
        return
    keys = ("num_folds", "fold", "val_fraction")
    if count < FEW and not any(decisions.given.has(f"data.{key}") for key in keys):
        why = (
            f"{count} samples to train and validate on are fewer than {FEW}, so that the score of"
            f" one split is rough; {NUM_FOLDS} folds (nnU-Net): each trains on four fifths"
        )
        groups = groups_left(decisions, data, train)
        if groups is not None and groups < NUM_FOLDS:
            why += f"; but data.group leaves {groups} groups, and each fold needs one"
        folds = min(NUM_FOLDS, count if groups is None else groups)
        decisions.decide("data.num_folds", folds, why)
        decide_fold(decisions)
        return
    share = 0.1 if count >= 5000 else 0.2
    decisions.decide(
        "data.val_fraction",
        share,
        f"{count:,} samples to train and validate on: a tenth from 5,000 on, else a fifth",
    )


def groups_left(decisions: Decisions, data: DataModule, train: Samples) -> int | None:
    """Return how many groups of samples are left to train and validate on beside the test part;
    None without groups.

    Raises:
        UserError: there is one, which cannot be divided.
    """
    groups = data.groups(train.names)
    if groups is None:
        return None
    undivided: LoadingOptions = {
        **data.loading,
        "test_fraction": decisions.get("data.test_fraction"),
        "val_fraction": None,
        "num_folds": None,
    }
    rest = divide(train.names, groups, data.strata(train), undivided, ())["train"]
    names = sorted({groups[index] for index in rest.tolist()})
    if len(names) < 2:
        raise UserError(
            "a plan needs at least two groups beside the test part, one to train and one to"
            f" validate on, but data.group leaves {examples(names)}; add samples of other groups,"
            " or change data.group"
        )
    return len(names)


def decide_fold(decisions: Decisions) -> None:
    """Decide the fold to validate on if there are folds."""
    if decisions.get("data.num_folds") is not None:
        decisions.decide("data.fold", 0, "the one that the search validates on")


def check_enough(data: DataModule, read: Parts) -> None:
    """Check that there is enough to train and to validate on.

    Raises:
        UserError: there are too few samples, or a class has only one.
    """
    train, val, _ = read
    if len(train) < FEWEST:
        raise UserError(
            f"a plan needs at least {FEWEST} samples to train and validate on, but the training"
            f" part holds {len(train)} ({', '.join(train.names)}); add samples, or train without a"
            " plan: with so few no choice can be judged"
        )
    if not data.info.kind.has_labels or val is not None:
        return
    labels = np.asarray(train.y).tolist()
    for number, name in enumerate(data.info.class_names):
        if labels.count(number) == 1:
            only = train.names[labels.index(number)]
            raise UserError(
                "every class needs at least two samples, one to train and one to validate on, but"
                f" {name} has one ({only}); add samples of it, or leave the class out"
            )
