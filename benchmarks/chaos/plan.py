"""The faults of a sweep, drawn only from the seed, so that a step can be repeated."""

import random
from dataclasses import dataclass

from application import FATES

# Faults from outside and their relative frequencies.
PROCESS_FAULTS = {
    "SIGKILL trial": 6,
    "SIGKILL worker": 4,
    "SIGKILL fork server": 3,
    "SIGKILL head": 3,
    "SIGTERM trial": 2,
    "SIGTERM worker": 2,
    "SIGTERM fork server": 1,
    "SIGTERM head": 2,
    "SIGINT head": 2,
    "SIGSTOP trial": 2,
    "SIGSTOP worker": 3,
    "SIGSTOP fork server": 1,
    "SIGSTOP head": 1,
    "power cut": 3,
    "torn journal": 3,
    "second head": 3,
    "second folder": 2,
    "clock jump": 3,
    "full disk": 3,
    "PostgreSQL restarted": 3,
    "PostgreSQL gone": 1,
}


# Faults of sweeps that train networks and log them to W&B.
PIPELINE_FAULTS = {
    "SIGKILL trial": 3,
    "SIGTERM trial": 1,
    "SIGKILL head": 2,
    "SIGTERM head": 1,
    "power cut": 1,
    "W&B gone": 4,
}


@dataclass(frozen=True)
class Planned:
    """One fault.

    Attributes:
        what: Its name.
        after_lines: Number of ledger lines since the last fault, after which it strikes.
        after_s: Seconds since the last fault, after which it strikes at the earliest.
        at_start: Whether only `after_s` counts.
        length_s: Its duration, if it has one.
        aim: Number in [0, 1) that selects the target.
    """

    what: str
    after_lines: int
    after_s: float
    at_start: bool
    length_s: float
    aim: float


@dataclass(frozen=True)
class Plan:
    """The settings and faults of one sweep."""

    total: int
    slots: int
    workers: int
    on_small_disk: bool
    fates: dict[int, str]
    faults: list[Planned]


def draw(
    rng: random.Random,
    total: int,
    can_mount: bool,
    on_postgres: bool,
    stale_after: float,
    outage_s: float,
) -> Plan:
    """Draw the plan of one sweep."""
    workers = rng.choice([1, 1, 2])
    small = can_mount and rng.random() < 0.25
    kinds = dict(PROCESS_FAULTS)
    if not small:
        del kinds["full disk"]
    else:
        kinds["full disk"] *= 5
    for name in (
        ("PostgreSQL restarted", "PostgreSQL gone") if not on_postgres else ("torn journal",)
    ):
        del kinds[name]
    numbers = rng.sample(range(total), k=rng.randint(2, total // 3))
    fates = {number: rng.choice(list(FATES)) for number in numbers}
    faults = draw_faults(rng, kinds, rng.randint(4, 9), stale_after, outage_s)
    return Plan(total, rng.choice([1, 2, 3]), workers, small, fates, faults)


def draw_faults(
    rng: random.Random, kinds: dict[str, int], count: int, stale_after: float, outage_s: float
) -> list[Planned]:
    """Draw `count` faults by their relative frequencies."""
    faults = []
    for what in rng.choices(list(kinds), weights=list(kinds.values()), k=count):
        length = outage_s if what == "PostgreSQL gone" else rng.uniform(1, 2 * stale_after)
        at_start = rng.random() < 0.2
        faults.append(
            Planned(
                what,
                rng.randint(1, 14),
                rng.uniform(0, 4 if at_start else 0.3),
                at_start,
                length,
                rng.random(),
            )
        )
    return faults


def draw_pipeline(rng: random.Random, stale_after: float) -> Plan:
    """Draw the plan of a sweep that trains networks and logs them to W&B."""
    return Plan(
        6, 2, 1, False, {}, draw_faults(rng, PIPELINE_FAULTS, rng.randint(2, 5), stale_after, 0.0)
    )
