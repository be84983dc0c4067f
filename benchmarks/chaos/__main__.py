"""Inject faults into sweeps of short trials, by the thousand, and count the violations.

    # continues where it stopped
    uv run --extra postgresql python benchmarks/chaos --faults 1000 --storage postgresql
    # one sweep of a seed again
    uv run python benchmarks/chaos --step 17

Each sweep is started, disturbed at times drawn from the seed, and started again by the same command
until its total is reached. The program is used only from outside: command line, files, study. Exits
with 1 if there are violations; the folders of such sweeps are kept. Needs Linux; a full disk is
tested only where a tmpfs can be mounted.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any

from application import FATES, Application
from episode import Episode, keep
from judge import COUNTS
from pipeline import PipelineEpisode
from plan import PIPELINE_FAULTS, PROCESS_FAULTS, draw, draw_pipeline
from postgres import Postgres, is_installed


def main() -> None:
    options = parse()
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, leave)
    place = options.folder / options.name
    place.mkdir(parents=True, exist_ok=True)
    state = read_state(place / "state.json")
    if options.step is not None:
        state = {"next": options.step, "thrown": {}, "violations": [], "seconds": 0.0}
    mounts = can_mount(place)
    if not mounts:
        print("a full disk is skipped: only root can mount a tmpfs")
    end = time.monotonic() + 60 * options.minutes
    with ExitStack() as stack:
        server = stack.enter_context(Postgres()) if options.storage == "postgresql" else None
        while sum(state["thrown"].values()) < options.faults and time.monotonic() < end:
            step(place, state, options, server, mounts)
            if options.step is not None:
                break
            write(place / "state.json", json.dumps(state, indent=1))
    text = table(state, options)
    if options.step is None:
        write(place / "table.md", text)
    print(text)
    sys.exit(1 if state["violations"] else 0)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--faults", type=int, default=1000, help="total number to inject")
    parser.add_argument("--storage", choices=("journal", "postgresql"), default="journal")
    parser.add_argument(
        "--minutes",
        type=float,
        default=float("inf"),
        help="time limit; the same command continues",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("outputs/chaos"),
        help="folder of the sweeps and of the state",
    )
    parser.add_argument(
        "--schedule",
        choices=("none", "promotion"),
        default="none",
        help="hydra/sweeper/schedule; with promotion no sweep trains networks",
    )
    parser.add_argument("--step", type=int, help="run this one sweep of the seed")
    parser.add_argument("--trials", type=int, default=14, help="trials per sweep")
    parser.add_argument(
        "--stale-after", type=float, default=3.0, help="hydra.sweeper.stale_after, in seconds"
    )
    parser.add_argument(
        "--outage", type=float, default=20.0, help="how long PostgreSQL is down, in seconds"
    )
    parser.add_argument(
        "--pipeline-every",
        type=int,
        default=15,
        help="every how many sweeps one trains networks; 0 for none",
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=240.0,
        help="seconds without progress after which a sweep has hung",
    )
    options = parser.parse_args()
    options.folder = options.folder.absolute()
    options.name = f"{options.storage}-{options.seed}"
    if options.schedule != "none":
        options.name += f"-{options.schedule}"
        options.pipeline_every = 0
    if options.storage == "postgresql" and not is_installed():
        parser.error("--storage postgresql needs a server; on Debian: apt-get install postgresql")
    return options


def leave(signum: int, frame: FrameType | None) -> None:
    """Exit through all `finally` blocks, which end the started processes."""
    sys.exit(128 + signum)


def read_state(file: Path) -> dict[str, Any]:
    """Return the state of the runs with this seed."""
    if not file.is_file():
        return {"next": 0, "thrown": {}, "violations": [], "seconds": 0.0}
    return dict(json.loads(file.read_text()))


def write(file: Path, text: str) -> None:
    """Replace a file."""
    fresh = file.with_suffix(".fresh")
    fresh.write_text(text)
    os.replace(fresh, file)


def can_mount(place: Path) -> bool:
    """Return whether a tmpfs can be mounted here."""
    if os.geteuid() != 0:
        return False
    trial = place / "mount"
    trial.mkdir(exist_ok=True)
    works = (
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(trial)], capture_output=True
        ).returncode
        == 0
    )
    if works:
        subprocess.run(["umount", str(trial)], check=True)
    trial.rmdir()
    return works


def step(
    place: Path,
    state: dict[str, Any],
    options: argparse.Namespace,
    server: Postgres | None,
    mounts: bool,
) -> None:
    """Run one sweep under faults and add the results to the state."""
    number = state["next"]
    rng = random.Random(f"{options.seed}/{number}")
    is_pipeline = (
        options.pipeline_every > 0 and number % options.pipeline_every == options.pipeline_every - 1
    )
    if is_pipeline:
        plan = draw_pipeline(rng, options.stale_after)
    else:
        plan = draw(
            rng, options.trials, mounts, server is not None, options.stale_after, options.outage
        )
    folder = place / str(number)
    shutil.rmtree(folder, ignore_errors=True)
    storage = server.make(f"chaos{number}") if server is not None else None
    app = Application(folder, plan.total, plan.fates, storage, options.schedule)
    episode = (PipelineEpisode if is_pipeline else Episode)(
        app, plan, rng, server, options.stale_after, options.patience
    )
    began = time.monotonic()
    episode.run()
    state["seconds"] += time.monotonic() - began
    state["next"] = number + 1
    state["thrown"] = dict(Counter(state["thrown"]) + episode.thrown)
    for violation in episode.violations:
        state["violations"].append(
            {"step": number, "count": violation.count, "detail": violation.detail}
        )
        print(
            f"seed {options.seed}, step {number}: {violation.count}: {violation.detail} (kept:"
            f" {folder})",
            flush=True,
        )
    if episode.violations or options.step is not None:
        keep(folder, "\n".join(episode.log) + "\n")
    else:
        shutil.rmtree(folder)
    faults = ", ".join(f"{count} {what}" for what, count in sorted(episode.thrown.items()))
    print(f"step {number}: {time.monotonic() - began:.0f} s; {faults or 'no fault'}", flush=True)


def table(state: dict[str, Any], options: argparse.Namespace) -> str:
    """Return the injected faults and the violations as Markdown tables."""
    counts = Counter(violation["count"] for violation in state["violations"])
    thrown = state["thrown"]
    lines = [
        (
            f"{sum(thrown.values())} faults in {state['next']} sweeps of {options.trials} trials, "
            f"{options.storage}, schedule {options.schedule}, seed {options.seed},"
            f" {state['seconds'] / 60:.0f} minutes."
        ),
        "",
        "| fault | injected |",
        "|---|---|",
        *(
            f"| {what} | {thrown[what]} |"
            for what in {**PROCESS_FAULTS, **PIPELINE_FAULTS, **FATES}
            if what in thrown
        ),
        "",
        "| count | |",
        "|---|---|",
        *(f"| {words} | {counts[name]} |" for name, words in COUNTS.items()),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
