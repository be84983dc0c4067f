"""Energy and power as people write them: `0.2kWh`, `500kJ`, `150W`."""

import re

from convsweep.errors import UserError

UNITS_J = {"kWh": 3.6e6, "Wh": 3600.0, "MJ": 1e6, "kJ": 1e3, "J": 1.0}
UNITS_W = {"kW": 1e3, "W": 1.0}
# Below this, joules say more than watt-hours.
FEW_J = 1000.0
POWER_ALONE = "power= says how long an energy lasts, but there is none; say energy=0.2kWh too"


def parse_energy(text: str) -> float:
    """Return an energy in joules.

    Args:
        text: a number with one of the units J, kJ, MJ, Wh and kWh.

    Raises:
        UserError: it has another form, or is not above zero.
    """
    return _parse("energy", text, UNITS_J, "energy=0.2kWh or energy=500kJ")


def parse_power(text: str) -> float:
    """Return a power in watts.

    Args:
        text: a number with the unit W or kW.

    Raises:
        UserError: it has another form, or is not above zero.
    """
    return _parse("power", text, UNITS_W, "power=150W or power=1.2kW")


def _parse(name: str, text: str, units: dict[str, float], example: str) -> float:
    found = re.fullmatch(rf"(\d+(?:\.\d+)?)({'|'.join(units)})", text)
    value = 0.0 if found is None else float(found[1]) * units[found[2]]
    if value <= 0:
        raise UserError(
            f"{name} must be a number above zero with its unit ({', '.join(reversed(units))}), but"
            f" is {text!r}; say {example}"
        )
    return value


def energy_text(joules: float) -> str:
    """Return an energy in three digits: `840 J`, `12.4 Wh`, `1.21 kWh`."""
    if joules < FEW_J:
        return f"{max(0.0, joules):.3g} J"
    if joules < 0.9995 * UNITS_J["kWh"]:
        return f"{joules / UNITS_J['Wh']:.3g} Wh"
    return f"{joules / UNITS_J['kWh']:.3g} kWh"


def power_text(watts: float) -> str:
    """Return a power in three digits: `98.4 W`, `1.21 kW`."""
    return f"{watts:.3g} W" if watts < 999.5 else f"{watts / 1e3:.3g} kW"
