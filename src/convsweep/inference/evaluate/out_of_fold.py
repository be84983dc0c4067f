"""Out-of-fold evaluation: each sample is judged by the network that was validated on its fold."""

from dataclasses import replace
from typing import TYPE_CHECKING

from convsweep.cli.console import say
from convsweep.errors import UserError
from convsweep.inference.evaluate.labelled import own_part
from convsweep.inference.evaluate.measuring import LabelledPart

if TYPE_CHECKING:
    from convsweep.training.trained import Trained


def is_cross_validation(trained: "Trained") -> bool:
    """Return whether networks were trained on different folds of the same data."""
    configs = [
        {key: value for key, value in member.data.items() if key not in ("fold", "seed")}
        for member in trained.members
    ]
    folds = [member.data.get("fold") for member in trained.members]
    return (
        len(folds) > 1
        and None not in folds
        and not configs[0].get("train_on_val")
        and len(set(folds)) == len(folds)
        and all(config == configs[0] for config in configs)
    )


def fold_parts(trained: "Trained") -> list[LabelledPart]:
    """Return the validation fold of each network, for it to answer.

    Raises:
        UserError: the data cannot be read, or has changed.
    """
    say(f"each of the {len(trained.members)} networks answers for its own fold")
    from convsweep.training.build import load_model

    # its model answers for all networks, with the mean of their thresholds
    first = replace(trained, model=load_model(trained.checkpoint, trained.device), others=())
    parts = []
    for member in (first, *trained.others):
        try:
            data, samples = own_part(member, "val")
        except UserError as error:
            raise UserError(f"fold {member.data['fold']}: {error}") from None
        parts.append(
            LabelledPart(
                member.model,
                data.eval_loader(samples),
                samples.names,
                int(member.data["fold"]),
                data.groups(samples.names) or (),
            )
        )
    return parts
