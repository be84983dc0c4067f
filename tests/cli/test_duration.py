"""Durations are read with their units and written in the largest two."""

import pytest

from convsweep.cli.duration import duration_text, parse_duration
from convsweep.errors import UserError


def test_what_is_read() -> None:
    texts = ("90s", "30min", "2h", "1h30min", "0.5h", "1d")
    assert [parse_duration(text) for text in texts] == [90, 1800, 7200, 5400, 1800, 86400]


@pytest.mark.parametrize("text", ["30", "min", "-3min", "0s", "2 h", "2hours", ""])
def test_what_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="budget=30min"):
        parse_duration(text)


def test_what_is_written() -> None:
    seconds = (0.44, 9.97, 59, 200, 3599.7, 7500)
    assert [duration_text(each) for each in seconds] == [
        "0.4 s",
        "10 s",
        "59 s",
        "3 min 20 s",
        "1 h 0 min",
        "2 h 5 min",
    ]
