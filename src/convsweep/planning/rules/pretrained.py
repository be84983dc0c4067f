"""Rules for a plan that begins with trained weights: the network is theirs, the recipe that of
`experiment=fine_tune`.
"""

from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from convsweep.planning.decisions import Decisions
from convsweep.planning.look.look import Look
from convsweep.training.build import CARD, read_checkpoint
from convsweep.training.early_checks import FROM_DATA
from convsweep.training.published_weights import is_published
from convsweep.training.trained import checkpoint_of

WHY = "as in experiment=fine_tune (docs/use.md)"
# Presets that torchvision's weights fill, and our network families by the name of their class.
CLASSIFIER, SEGMENTER = "resnet18", "unet_resnet18"
FAMILIES = {"ConvNet": "convnet", "UNet": "unet"}


def decide_pretrained(decisions: Decisions, look: Look) -> None:
    """Decide network and recipe if the user gave `init_from`.

    Raises:
        UserError: it names no readable checkpoint.
    """
    named = decisions.get("init_from")
    if named is None:
        return
    if is_published(str(named)):
        preset = SEGMENTER if look.kind.is_dense else CLASSIFIER
        decisions.choose("model/net", preset, f"init_from={named} has weights for it")
    else:
        decide_net_of(decisions, checkpoint_of(Path(str(named)).expanduser()))
    decisions.decide("optimizer.lr", 2e-3, WHY)
    decisions.decide("model.lr_decay", 0.7, f"{WHY}: lower rates towards the input")


def decide_net_of(decisions: Decisions, checkpoint: Path) -> None:
    """Decide the network of a checkpoint, option by option where they differ from the family's
    own.
    """
    net: dict[str, Any] = read_checkpoint(checkpoint)[CARD]["model"]["net"]
    family = FAMILIES.get(str(net["_target_"]).rpartition(".")[2])
    if family is None or decisions.given.has("model/net"):
        return
    why = f"the network of {checkpoint}"
    decisions.choose("model/net", family, why)
    default = decisions.given.compose(decisions.overrides()).model.net
    own = OmegaConf.to_container(default, resolve=False)
    assert isinstance(own, dict)
    for name, value in net.items():
        if not name.startswith("_") and name not in FROM_DATA and own.get(name) != value:
            decisions.decide(f"model.net.{name}", value, why)
