"""When a search first compares its trials."""

import math

# Comparisons after a ninth and a third of the epochs are first in docs/search.md.
PART = 9


def first_rung(epochs: int) -> int:
    """Return the epochs after which trials are first compared.

    A ninth of all, rounded up: rounded down, nine times as many would lie just before the end, as
    63 of 65, where most of the trials that got so far would pause.
    """
    return math.ceil(epochs / PART)
