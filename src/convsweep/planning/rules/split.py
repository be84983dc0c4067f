"""Rules about the parts of the data: what is trained, validated and tested on."""

import numpy as np

from convsweep.data.datamodule import DataModule
from convsweep.data.samples import Parts
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
        folds = min(NUM_FOLDS, count)
        decisions.decide(
            "data.num_folds",
            folds,
            f"{count} samples to train and validate on are fewer than {FEW}, so that the score of"
            f" one split is rough; {NUM_FOLDS} folds (nnU-Net): each trains on four fifths",
        )
        decide_fold(decisions)
        return
    share = 0.1 if count >= 5000 else 0.2
    decisions.decide(
        "data.val_fraction",
        share,
        f"{count:,} samples to train and validate on: a tenth from 5,000 on, else a fifth",
    )


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
