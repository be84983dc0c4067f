"""What happens to a sweep: drawn from the seed alone, so that a step can be repeated."""

import random
from dataclasses import dataclass

from application import FATES

# Faults from outside and how often they are drawn, relative to each other.
PROCESS_FAULTS = {
    "SIGKILL trial": 6,
    "SIGKILL worker": 4,
    "SIGKILL template": 3,
    "SIGKILL head": 3,
    "SIGTERM trial": 2,
    "SIGTERM worker": 2,
    "SIGTERM template": 1,
    "SIGTERM head": 2,
    "SIGINT head": 2,
    "SIGSTOP trial": 2,
    "SIGSTOP worker": 3,
    "SIGSTOP template": 1,
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
    """One fault: it strikes when the trials have written so many lines after the one before, or so
    long after a start.
    """

    what: str
    after_lines: int
    after_s: float
    at_start: bool
    length_s: float
    aim: float


@dataclass(frozen=True)
class Plan:
    """What happens to one sweep."""

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
    """Draw what happens to one sweep."""
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
    """Draw faults of some kinds."""
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
    """Draw what happens to a sweep that trains networks and logs them to W&B."""
    return Plan(
        6, 2, 1, False, {}, draw_faults(rng, PIPELINE_FAULTS, rng.randint(2, 5), stale_after, 0.0)
    )
