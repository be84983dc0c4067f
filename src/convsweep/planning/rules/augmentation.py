"""Rules about how samples are augmented and normalised."""

from convsweep.planning.decisions import Decisions
from convsweep.planning.look.look import Look
from convsweep.planning.look.mirror import FEWEST as FEWEST_MIRRORED

# Spread of the samples' brightness, in standard deviations within samples, from which each sample
# is normalised by itself.
UNEVEN = 1.0


def decide_augmentation(decisions: Decisions, look: Look) -> list[str]:
    """Decide how samples are augmented, and return the other options worth a try."""
    dim = len(look.in_shape) - 1
    if look.kind.gives_signals:
        decisions.choose(
            "data/augment", "none", "the noise of pairs is kept, or drawn anew in every epoch"
        )
        return []
    if dim == 3:
        why = "volumes are mirrored along each axis (nnU-Net)"
        return choose_augmentation(decisions, look, "mirror", why, ["mirror"])
    if dim == 1:
        decisions.choose(
            "data/augment", "none", "signals have a direction, and nothing is known of their noise"
        )
        return ["none", "erasing"]
    if decisions.given.has("data.augment"):
        return []
    sides, heights = look.mirrored["left and right"], look.mirrored["up and down"]
    said = f"left and right: {sides.text}; up and down: {heights.text}"
    if look.kind.has_masks:
        # masks follow their images, so an axis is mirrored unless that makes other images of them
        option = {(True, True): "flips", (True, False): "flip"}.get(
            (not sides.is_other, not heights.is_other), "none"
        )
        decisions.choose(
            "data/augment",
            option,
            f"mirrored along each axis on which no test tells mirror images (nnU-Net): {said}",
        )
        return list(dict.fromkeys(["none", option]))
    few = sides.count < FEWEST_MIRRORED // 2
    if sides.is_alike and heights.is_alike:
        option, why = "flips", "images have no direction"
    elif sides.is_alike or (few and look.in_shape[0] == 3):
        option, why = "shift_flip", "left and right may be exchanged"
    else:
        option, why = "shift", "a mirror image is no sample"
    if option == "shift" and min(look.in_shape[1:]) < 16:
        option = "none"
        why += f", and a shift of {min(look.in_shape[1:])} pixels by a tenth is less than one"
    why = f"{why}: {said} (50% is chance)"
    return choose_augmentation(decisions, look, option, why, [option, "erasing"])


def choose_augmentation(
    decisions: Decisions, look: Look, option: str, why: str, options: list[str]
) -> list[str]:
    """Choose an option of `data/augment`, but none where samples have numbers, and return the
    options worth a try.
    """
    if look.kind.has_numbers and not look.kind.has_several_labels:
        option = "none"
        why = "a mirrored or shifted sample may have other numbers, such as a position"
    decisions.choose("data/augment", option, why)
    return list(dict.fromkeys(["none", *options]))


def decide_normalization(decisions: Decisions, look: Look) -> None:
    """Decide whether each sample is normalised by its own statistics."""
    spread = look.brightness_spread
    if spread > UNEVEN and not look.kind.gives_signals:
        decisions.decide(
            "model.normalize_by",
            "sample",
            f"samples differ in brightness by {spread:.2g} standard deviations within a sample,"
            f" more than {UNEVEN:g}",
        )
