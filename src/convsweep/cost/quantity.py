"""Parsing and printing of quantities such as 2GiB, 500M and 1.5e6."""

import re

from convsweep.errors import UserError

PREFIXES = {
    "": 1,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}


def quantity(value: float | str, name: str) -> int:
    """Return a count, or a number of bytes, from a number or from digits and a prefix (k, M, G, T,
    Ki, Mi, Gi, Ti, then B).

    Raises:
        UserError: the text is not a quantity, or not positive.
    """
    match = re.fullmatch(
        r"\s*([0-9][0-9_]*\.?[0-9]*(?:[eE][+-]?[0-9]+)?)\s*([kKMGT]?i?)B?\s*", str(value)
    )
    prefix = (
        match[2]
        if match and match[2] in PREFIXES
        else {"K": "k"}.get(match[2], "")
        if match
        else ""
    )
    if match is None or (match[2] and not prefix) or float(match[1]) <= 0:
        raise UserError(
            f"{name} must be a positive quantity such as 500000, 500k, 1.5M or 2GiB, but is"
            f" {value!r}"
        )
    return int(float(match[1]) * PREFIXES[prefix])


def in_si(number: float) -> str:
    """Return a number with three digits and a prefix, such as 11.2 M."""
    return scale_to_prefix(number, 1000, ["", "k", "M", "G", "T"])


def in_bytes(number: float) -> str:
    """Return bytes with three digits and a unit, such as 51.3 MiB."""
    return scale_to_prefix(number, 1024, ["B", "KiB", "MiB", "GiB", "TiB"])


def scale_to_prefix(number: float, base: int, units: list[str]) -> str:
    """Return a number in the largest unit in which it is at least 1."""
    power = 0
    while abs(number) >= 999.5 and power < len(units) - 1:
        number, power = number / base, power + 1
    digits = f"{number:.3g}" if power else f"{number:.0f}"
    return f"{digits} {units[power]}".rstrip()
