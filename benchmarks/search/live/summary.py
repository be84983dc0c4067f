"""Print the tables of the live searches, or write them into docs/search.md.

    python -m benchmarks.search.live.summary live.jsonl [more.jsonl] [--write]

Seeds that both have are compared.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.search.rows import read_rows
from benchmarks.search.summary import write_parts

# The searches that are told the network made by hand, and the others, each compared with ours.
GROUPS = {
    "live": (
        "convsweep, TPE",
        (
            "convsweep",
            "random, full length",
            "Hydra's Optuna sweeper",
            "NePS",
            "Ray Tune, Optuna and ASHA",
            "Keras Tuner, Hyperband",
        ),
    ),
    "live prior": (
        "convsweep, TPE, hand-made prior",
        ("convsweep, hand-made prior", "NePS, hand-made prior", "Ray Tune, hand-made first"),
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--write", action="store_true", help="into docs/search.md")
    options = parser.parse_args()
    rows = [row for path in options.files for row in read_rows(path)]
    parts = {}
    for name, (ours, others) in GROUPS.items():
        own = [row for row in rows if row["method"] in (ours, *others)]
        parts[f"{name} searches"] = table_of_searches(own)
        parts[f"{name} speed"] = table_of_speed(own, ours)
    if options.write:
        write_parts(parts)
    else:
        print("\n\n".join(parts.values()))


def by_method(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return the searches of each method, by seed."""
    methods: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: row["seed"]):
        methods.setdefault(row["method"], []).append(row)
    return methods


def table_of_searches(rows: list[dict[str, Any]]) -> str:
    """Return what each method found in its budget: the choice of each seed, and what it cost."""
    lines = [
        "| method | test of its choice, % | mean | believed | trainings begun | epochs | CPU s of"
        " training | of start-up | share of a core |",
        "|---" * 9 + "|",
    ]
    for name, searches in by_method(rows).items():
        tests = [100 * search["test"][-1] for search in searches]
        believed = np.mean([100 * search["val"][-1] for search in searches])

        def mean(key: str, searches: list[dict[str, Any]] = searches) -> float:
            return float(np.mean([search[key] for search in searches]))

        lines.append(
            f"| {name} | {', '.join(f'{test:.1f}' for test in tests)} | {np.mean(tests):.1f} |"
            f" {believed:.1f} | {mean('trainings'):.0f} | {mean('num_epochs'):.0f} |"
            f" {mean('cpu_s'):.0f} | {mean('startup_cpu_s'):.0f} |"
            f" {mean('cpu_s') / mean('wall_s'):.2f} |"
        )
    return "\n".join(lines)


def table_of_speed(rows: list[dict[str, Any]], this: str) -> str:
    """Return for each peer when it and this program reached the peer's final quality.

    The quality is the validation accuracy of the choice, as the search sees it.

    Args:
        this: This program's method.
    """
    methods = by_method(rows)
    ours = {search["seed"]: search for search in methods.get(this, [])}
    lines = [
        "| peer | it reached its final validation accuracy after, s | convsweep did after, s |"
        " in at most half of the budget |",
        "|---" * 4 + "|",
    ]
    for name, searches in methods.items():
        pairs = [(ours[search["seed"]], search) for search in searches if search["seed"] in ours]
        if name == this or not pairs:
            continue
        own = [reached(our, peer["val"][-1]) for our, peer in pairs]
        half = sum(time <= peer["seconds"] / 2 for time, (_, peer) in zip(own, pairs, strict=True))
        lines.append(
            f"| {name} | {', '.join(seconds(peer['at'][-1]) for _, peer in pairs)} |"
            f" {', '.join(map(seconds, own))} |"
            f" {half} of {len(pairs)} |"
        )
    return "\n".join(lines)


def seconds(time: float) -> str:
    """Return a time as text."""
    return "never" if time == float("inf") else f"{time:.0f}"


def reached(search: dict[str, Any], quality: float) -> float:
    """Return when the validation accuracy of a search's choice was at least this; infinite if it
    never was.
    """
    times = [at for at, val in zip(search["at"], search["val"], strict=True) if val >= quality]
    return times[0] if times else float("inf")


if __name__ == "__main__":
    main()
