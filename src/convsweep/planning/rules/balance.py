"""Rules about rare classes, and about the metric that chooses epochs and trials."""

from convsweep.planning.decisions import Decisions
from convsweep.planning.look.look import Look

# A class is rare if the most frequent one has so many times its samples.
RARE = 3.0


def decide_balance(decisions: Decisions, look: Look) -> None:
    """Decide how rare classes are made to count, and what is monitored."""
    imbalance = look.imbalance
    said = f"the most frequent class has {imbalance:.3g} times the samples of the rarest"
    if look.kind.has_labels and imbalance > RARE:
        decisions.decide("data.sampling", "square_root", f"{said}, more than {RARE:g}")
        decide_monitor(decisions, "val/f1", "max", f"{said}: accuracy would hide the rare ones")
    elif look.kind.has_masks:
        decisions.decide("model.dice_weight", 1.0, "cross-entropy and Dice together (nnU-Net)")
        if len(look.class_names) == 2:
            rare = look.class_names[look.counts.index(min(look.counts))]
            decide_monitor(decisions, f"val/iou/{rare}", "max", "the rarer of two classes")
        else:
            decide_monitor(decisions, "val/foreground_dice", "max", "the background is left out")
    elif look.kind.has_several_labels and imbalance > RARE:
        decisions.decide("model.label_weights", "balanced", f"{said}, more than {RARE:g}")


def decide_monitor(decisions: Decisions, metric: str, mode: str, why: str) -> None:
    """Decide the metric by which epochs and trials are chosen."""
    if decisions.decide("model.monitor", metric, why) == metric:
        decisions.decide("model.monitor_mode", mode, "of that metric")
