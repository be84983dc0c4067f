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
# Published weights are suggested for at most so many images of this number of channels, with at
# least so many positions an axis: they were trained on photographs.
FEW, COLORS, SMALLEST = 5000, 3, 64


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


def suggest_pretrained(decisions: Decisions, look: Look) -> str | None:
    """Return a sentence about published weights, where they are likely to help and the user gave
    neither weights nor a network: for few colour images that are not tiny.
    """
    given = decisions.given
    if any(given.has(key) for key in ("init_from", "model/net", "model.net")):
        return None
    channels, *spatial = look.in_shape
    fits = channels == COLORS and len(spatial) == 2 and min(spatial) >= SMALLEST
    if not fits or look.kind.gives_signals or look.num_samples["train"] > FEW:
        return None
    return (
        f"for at most {FEW:,} colour images, published weights are often better than a network"
        " trained from the beginning, and slower; init_from=imagenet plans with those of"
        " ResNet-18, which are downloaded once"
    )


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
