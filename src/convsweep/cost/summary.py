"""A network's cost as one line of text."""

from convsweep.cost.measure import Cost
from convsweep.cost.quantity import in_bytes, in_si
from convsweep.cost.receptive_field.field import ReceptiveField
from convsweep.nets.geometry import shape_text


def summary(cost: Cost) -> str:
    """Return a cost as one line of text."""
    seen = (
        ""
        if cost.receptive_field is None
        else f"receptive field {size_in_words(cost.receptive_field)}, "
    )
    return (
        f"{cost.net}: {in_si(cost.params)} parameters, {count_text(cost.macs)}MACs, "
        f"{seen}{in_bytes(cost.activations)} a sample in training"
    )


def count_text(number: int) -> str:
    """Return a number to put before its noun: `11.2 M`, or `940 ` without a prefix."""
    return in_si(number) if number >= 1000 else f"{number} "


def size_in_words(field: ReceptiveField) -> str:
    """Return the size of a receptive field: one number if all axes agree."""
    return str(field.size[0]) if len(set(field.size)) == 1 else shape_text(field.size)
