"""Whether a metric is better when it is higher or lower, without torch."""

from typing import Literal

LOWER = ("loss", "mae", "rmse", "calibration_error")
# At most 1.
SHARES = (
    *("accuracy", "top5", "f1"),
    *("mean_ap", "ap"),
    *("miou", "iou", "dice", "sample_dice", "foreground_dice", "pixel_accuracy"),
    "r2",
)
HIGHER = (*SHARES, "si_snr", "snr", "si_snr_improvement", "snr_improvement")


def better_mode(metric: str) -> Literal["max", "min"] | None:
    """Return `max` if higher values of a metric are better, `min` if lower ones are, and None if
    it is not one of ours.

    Args:
        metric: with its part, and the class or number if it is of one: `val/iou/cat`.
    """
    kind = kind_of(metric)
    return "max" if kind in HIGHER else "min" if kind in LOWER else None


def is_perfect(metric: str, value: float) -> bool:
    """Return whether no network can score better."""
    return kind_of(metric) in SHARES and value >= 1


def kind_of(metric: str) -> str:
    """Return the name of a metric without its part and what it is of."""
    return metric.partition("/")[2].partition("/")[0]
