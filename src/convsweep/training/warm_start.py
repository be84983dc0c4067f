"""Initialisation from the weights of a trained network, as far as they fit (fine-tuning)."""

from pathlib import Path
from typing import TYPE_CHECKING

from convsweep.cli.console import say, short_path
from convsweep.distributed.ranks import is_first
from convsweep.errors import UserError
from convsweep.training.build import load_model
from convsweep.training.published_weights import begin_with_published, is_published
from convsweep.training.trained import checkpoint_of

if TYPE_CHECKING:
    from convsweep.models.base import Model


def begin_with(model: "Model", named: str) -> None:
    """Copy the weights of a trained network that match in name and shape, and print those that do
    not. The normalisation of the new data is kept.

    Args:
        model: an untrained model.
        named: a checkpoint, the folder of a run, or that of a sweep (its winner); `imagenet`, an
            address or a file of torchvision's weights (`published_weights`).

    Raises:
        UserError: the checkpoint is missing, or none of its weights fits.
    """
    if is_published(named):
        taken = begin_with_published(model, named)
        if is_first():
            say(f"initialised {taken}")
        return
    checkpoint = checkpoint_of(Path(named).expanduser())
    theirs, own = load_model(checkpoint).net.state_dict(), model.net.state_dict()
    fitting = {
        name: value
        for name, value in theirs.items()
        if name in own and own[name].shape == value.shape
    }
    weights = [name for name, _ in model.net.named_parameters()]
    anew = [name for name in weights if name not in fitting]
    if len(anew) == len(weights):
        raise UserError(
            f"init_from must name a network whose weights fit this one, but none of {checkpoint}"
            " does; train the same net"
        )
    model.net.load_state_dict(fitting, strict=False)
    if is_first():
        rest = f"; random: {', '.join(anew)}" if anew else ""
        say(
            f"initialised {len(weights) - len(anew)} of {len(weights)} weights from"
            f" {short_path(checkpoint.absolute())}{rest}"
        )
