"""Energies and powers are read with their units and written in three digits."""

import pytest

from convsweep.cli.energy import energy_text, parse_energy, parse_power, power_text
from convsweep.errors import UserError


def test_what_is_read() -> None:
    texts = ("0.2kWh", "30Wh", "2MJ", "500kJ", "90.5J")
    assert [parse_energy(text) for text in texts] == [720e3, 108e3, 2e6, 5e5, 90.5]
    assert [parse_power(text) for text in ("150W", "1.2kW")] == [150, 1200]


@pytest.mark.parametrize("text", ["0.2", "kWh", "-3Wh", "0J", "2 kWh", "2kwh", "30min", "150W", ""])
def test_what_is_no_energy(text: str) -> None:
    said = r"with its unit \(J, kJ, MJ, Wh, kWh\), but is '.*'; say energy=0.2kWh"
    with pytest.raises(UserError, match=said):
        parse_energy(text)


@pytest.mark.parametrize("text", ["150", "W", "0W", "150w", "0.2kWh"])
def test_what_is_no_power(text: str) -> None:
    with pytest.raises(UserError, match=r"its unit \(W, kW\), but is '.*'; say power=150W"):
        parse_power(text)


def test_what_is_written() -> None:
    joules = (-1, 0.5, 840.4, 3600, 44_640, 3_599_000, 4_356_000)
    assert [energy_text(each) for each in joules] == [
        "0 J",
        "0.5 J",
        "840 J",
        "1 Wh",
        "12.4 Wh",
        "1 kWh",
        "1.21 kWh",
    ]
    assert [power_text(each) for each in (98.44, 999.6, 1210)] == ["98.4 W", "1 kW", "1.21 kW"]
