"""Durations as people write them: `30min`, `2h`, `90s`, `1h30min`."""

import re

from convsweep.errors import UserError

UNITS_S = {"d": 86400, "h": 3600, "min": 60, "m": 60, "s": 1}
PART = re.compile(r"(\d+(?:\.\d+)?)(d|h|min|m|s)")


def parse_duration(text: str, name: str = "budget") -> float:
    """Return a duration in seconds.

    Args:
        text: numbers with the units d, h, min (or m) and s, such as `1h30min`.
        name: of the option, for the message.

    Raises:
        UserError: it has another form, or is not above zero.
    """
    parts = PART.findall(text)
    seconds = sum(float(number) * UNITS_S[unit] for number, unit in parts)
    if "".join(number + unit for number, unit in parts) != text or seconds <= 0:
        raise UserError(
            f"{name} must be a duration above zero with its unit, but is {text!r}; say {name}=30min"
            f" or {name}=2h"
        )
    return seconds


def duration_text(seconds: float) -> str:
    """Return a duration in its largest two units: `2 h 5 min`, `3 min 20 s`, `0.4 s`."""
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
