"""Rules about the classes of masks, by the values in their files."""

from pathlib import Path
from typing import Any

from convsweep.errors import UserError
from convsweep.planning.decisions import Decisions
from convsweep.planning.look.legend import Legend, Value, legend_of, word_of

# The value of masks that usually means no class (PASCAL VOC, Cityscapes).
VOID = 255
# Masks of more values, of which dark and bright ones fill so large a share, are binary masks that
# were saved with loss (JPEG) or smoothed.
MOST_OF_BINARY, SHARE_OF_BINARY, DARK, BRIGHT = 16, 0.9, 32, 223
# More colours than this are no classes.
MOST_COLORS = 64


def decide_classes(decisions: Decisions, data: dict[str, Any], root: Path) -> Legend | None:
    """Decide coding and number of classes of masks if the config has none, and return the values in
    the masks; None if these are settled or cannot be read.

    Args:
        data: config of the data.
        root: its folder.

    Raises:
        UserError: the values are no classes.
    """
    settled = ("class_names", "num_classes", "palette")
    if "masks" not in data or any(data.get(key) is not None for key in settled):
        return None
    if data.get("coding", "index") != "index" or decisions.given.has("data.coding"):
        return None
    legend = legend_of(root, str(data["masks"]))
    if legend is None:
        return None
    numbers = [value for value in legend.values if isinstance(value, int)]
    if "coding" in data and (not numbers or len(numbers) <= MOST_COLORS):
        if set(numbers) in ({0, 255}, {0, 1}):
            decisions.decide("data.coding", "binary", said_of(legend))
            return legend
        if not numbers or (has_gaps(numbers) and not is_lossy(legend)):
            decide_palette(decisions, legend)
            return legend
    decide_count(decisions, legend, numbers)
    return legend


def decide_count(decisions: Decisions, legend: Legend, numbers: list[int]) -> None:
    """Decide the number of classes of masks that hold the numbers of classes.

    Raises:
        UserError: they hold others.
    """
    said = said_of(legend)
    if is_lossy(legend):
        raise UserError(
            "binary masks must hold 0 and one other value, 1 or 255, but dark and bright ones fill"
            f" {share_at_ends(legend):.0%} of masks with {len(numbers)} values, as after JPEG or"
            f" smoothing: {legend.text}; threshold them and save them without loss (PNG)"
        )
    if is_void(numbers):
        decisions.decide("data.ignore_index", VOID, f"{said}; {VOID} usually is no class")
        numbers = numbers[:-1]
    if has_gaps(numbers):
        raise UserError(
            f"masks must hold the numbers of classes, 0 to {len(numbers) - 1}, but hold"
            f" {len(numbers)} values up to {numbers[-1]}: {legend.text}; number the classes, or set"
            " data.num_classes"
        )
    count = max(2, numbers[-1] + 1)
    decisions.decide("data.num_classes", count, f"{said}; name them by data.class_names")


def decide_palette(decisions: Decisions, legend: Legend) -> None:
    """Decide that each colour or grey value of masks is a class.

    Raises:
        UserError: there are too many.
    """
    if len(legend.values) > MOST_COLORS:
        raise UserError(
            f"masks must hold a colour for each class, but hold {len(legend.values):,}, as after"
            f" JPEG or smoothing: {legend.text}; save them without loss (PNG), or name the colours"
            " by data.coding=rgb data.palette"
        )
    decisions.decide("data.coding", "rgb", f"{said_of(legend)}: each is a class")
    palette = {name_of(value): color_of(value) for value in legend.values}
    decisions.decide("data.palette", palette, "rename the classes here; `ignore` is no class")


def name_of(value: Value) -> str:
    """Return a name for the class of a value."""
    return "_".join(["color", *map(str, value)]) if isinstance(value, tuple) else f"grey_{value}"


def color_of(value: Value) -> list[int]:
    """Return the red, green and blue of a value."""
    return list(value) if isinstance(value, tuple) else [value] * 3


def said_of(legend: Legend) -> str:
    """Return which values the masks hold."""
    words = [word_of(value) for value in legend.values[:6]]
    return f"the masks hold {', '.join(words)}{', ...' if len(legend.values) > 6 else ''}"


def is_void(numbers: list[int]) -> bool:
    """Return whether the largest value is no class: 255 where all others are far below."""
    return numbers[-1] == VOID and len(numbers) > 2 and 2 * numbers[-2] < VOID - 1


def has_gaps(numbers: list[int]) -> bool:
    """Return whether most values up to the largest are missing; one that is no class is ignored."""
    classes = numbers[:-1] if is_void(numbers) else numbers
    return 2 * len(classes) <= classes[-1]


def is_lossy(legend: Legend) -> bool:
    """Return whether masks are binary, but were saved with loss or smoothed."""
    return len(legend.values) > MOST_OF_BINARY and share_at_ends(legend) >= SHARE_OF_BINARY


def share_at_ends(legend: Legend) -> float:
    """Return the share of positions that hold nearly 0 or nearly 255; 0 if none holds either."""
    dark = [value for value in legend.values if isinstance(value, int) and value <= DARK]
    bright = [value for value in legend.values if isinstance(value, int) and value >= BRIGHT]
    return legend.share([*dark, *bright]) if dark and bright else 0.0
