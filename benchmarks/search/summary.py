"""Print the tables of docs/search.md, or write them and the figures into the documentation.

    python -m benchmarks.search.summary replays.jsonl [--write] [--only GROUP]

Text between `<!-- name -->` and `<!-- end -->` in the page is replaced.
"""

import argparse
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.search.replay import GROUPS, SHARES
from benchmarks.search.rows import read_rows
from benchmarks.search.statistics import (
    Array,
    Results,
    collect,
    early_ranks,
    mean_ranks,
    quartiles,
    regret,
    sign_test,
    speed,
)
from benchmarks.search.table import load_table
from benchmarks.search.tasks import FOLDER, NAMES, load_task
from benchmarks.search.worlds import encoded_points, fit, targets
from scipy.stats import spearmanr
from sklearn.model_selection import KFold, cross_val_predict

FEW = "Not measured yet with 30 seeds."
PAGE = FOLDER.parents[1] / "docs" / "search.md"
SHOWN = (0.25, 0.5, 1.0)

# The method that others are compared with in speed, besides the first of each group.
TODAY = {
    "schedules": "median 5/1",
    "samplers": "TPE (default)",
    "searches": "TPE, median 5/1",
}

# The program's default, with which the others are paired by seed.
DEFAULT = {
    "schedules": "promotion 1, 3, 9",
    "samplers": "TPE (default)",
    "searches": "auto, promotion 1, 3, 9",
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--write", action="store_true", help="into docs/search.md")
    parser.add_argument("--only", nargs="+", default=list(GROUPS), choices=list(GROUPS))
    options = parser.parse_args()
    rows = [row for row in read_rows(options.file) if row["group"] in options.only]
    parts = make_parts(rows, options.only)
    if not options.write:
        print("\n\n".join(f"{name}\n\n{text}" for name, text in parts.items()))
        return
    write_parts(parts)
    draw(rows, PAGE.parent / "pictures")


def write_parts(parts: dict[str, str]) -> None:
    """Replace generated texts of the page."""
    page = PAGE.read_text()
    for name, text in parts.items():
        pattern = re.compile(rf"<!-- {re.escape(name)} -->\n.*?<!-- end -->", re.DOTALL)
        page = pattern.sub(lambda _, n=name, t=text: f"<!-- {n} -->\n\n{t}\n\n<!-- end -->", page)
    PAGE.write_text(page)


def make_parts(rows: list[dict[str, Any]], groups: list[str]) -> dict[str, str]:
    """Return the generated texts by name: of the table, and of some groups of methods."""
    parts = {"table": table_of_networks(), "early": table_of_early_ranks()}
    for group in groups:
        for unit in ("epochs", "seconds"):
            for task in NAMES:
                own = results_of(rows, group, task, unit)
                parts[f"{group} {task} {unit}"] = table_of_methods(own, task) if own else FEW
            both = [own for task in NAMES if (own := results_of(rows, group, task, unit))]
            parts[f"{group} ranks {unit}"] = table_of_ranks(both) if both else FEW
            parts[f"{group} pairs {unit}"] = table_of_pairs(both, DEFAULT[group]) if both else FEW
    return parts


def results_of(rows: list[dict[str, Any]], group: str, task: str, unit: str) -> Results | None:
    """Return the searches of one group, task and unit, in the order of the group's methods, then
    those of `peers.py`; None if there are too few.
    """
    order = list(GROUPS[group].ways)
    own = [row for row in rows if (row["group"], row["task"], row["unit"]) == (group, task, unit)]
    order += sorted({row["method"] for row in own} - set(order))
    own.sort(key=lambda row: order.index(row["method"]))
    return collect(own, SHARES * GROUPS[group].trainings, TODAY[group])


def table_of_networks() -> str:
    """Return what the table of curves holds, and how well the surrogate ranks networks."""
    lines = [
        "| space | parameters | networks trained | refused | best | median | worst | two seeds"
        " differ by | CPU s a training | surrogate's rank correlation |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name in NAMES:
        table, task = load_table(name), load_task(name)
        final = table.val.max(axis=2)
        best, middle, worst = np.percentile(100 * table.test[:, :, -1].mean(1), [100, 50, 0])
        differ = 100 * np.median(np.abs(final[:, 0] - final[:, 1]))
        lines.append(
            f"| {name} | {len(task.space.searched)} | {len(table.points)} | {len(table.refused)} |"
            f" {best:.1f} % | {middle:.1f} % | {worst:.1f} % | {differ:.1f} points (median) |"
            f" {table.seconds.sum(2).mean():.1f} | {cross_validated(name):.2f} |"
        )
    return "\n".join(lines)


def cross_validated(name: str) -> float:
    """Return Spearman's correlation of the surrogate's final accuracy with the measured one, for
    networks that it was not fitted to.
    """
    table, task = load_table(name), load_task(name)
    x, y = encoded_points(task, table.points), targets(table)
    predicted = cross_val_predict(fit(x, y), x, y, cv=KFold(5, shuffle=True, random_state=0))
    last = table.num_epochs - 1
    return float(spearmanr(predicted[:, last], y[:, last])[0])


def table_of_early_ranks() -> str:
    """Return how well the values of each epoch rank."""
    lines = [
        "| space | epoch | rank correlation with the final value | of the best quarter | with the"
        " other seed's test | of the best tenth in the best third |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {epoch} | {every:.2f} | {quarter:.2f} | {test:.2f} | {100 * kept:.0f} % |"
        for name in NAMES
        for epoch, every, quarter, test, kept in early_ranks(load_table(name))
    ]
    return "\n".join(lines)


def table_of_methods(results: Results, task: str) -> str:
    """Return quality at three costs, what is believed, and the speed of each method."""
    budget = results.costs[-1]
    today = results.methods.index(results.today) if results.today in results.methods else 0
    test = load_table(task).test[:, :, -1].mean(1)
    best, typical = max(float(test.max()), float(results.true.max())), float(np.median(test))
    seeds = results.true.shape[1]
    lines = [
        f"| method ({seeds} seeds) | "
        + " | ".join(f"true, {share * budget:.0f}" for share in SHOWN)
        + f" | believed, {budget:.0f} | regret, {budget:.0f} | times as fast as"
        f" {results.methods[0]} | as {results.methods[today]} |",
        "|---" * 8 + "|",
    ]
    places = [int(np.argmin(np.abs(SHARES - share))) for share in SHOWN]
    for index, name in enumerate(results.methods):
        true = results.true[index]
        cells = [quartiles(true[:, place]) for place in places]
        believed = quartiles(results.believed[index][:, -1])
        left = np.median(regret(true[:, -1], best, typical))
        speeds = [factor(*speed(results, index, to)) for to in (0, today)]
        lines.append(f"| {name} | " + " | ".join([*cells, believed, f"{left:.2f}", *speeds]) + " |")
    return "\n".join(lines)


def factor(middle: float, low: float, high: float) -> str:
    """Return a speed with its percentiles."""
    return "never" if middle == 0 else f"{middle:.1f} [{low:.1f}, {high:.1f}]"


def table_of_ranks(results: list[Results]) -> str:
    """Return mean ranks over both spaces, at a quarter of the budget and at its end."""
    methods = [name for name in results[0].methods if all(name in each.methods for each in results)]
    seeds = min(each.true.shape[1] for each in results)
    columns = []
    for share in (0.25, 1.0):
        place = int(np.argmin(np.abs(SHARES - share)))
        blocks: Array = np.concatenate(
            [
                np.array([each.true[each.methods.index(name), :seeds, place] for name in methods])
                for each in results
            ],
            axis=1,
        )
        columns.append(mean_ranks(blocks))
    (early, difference, p_early), (late, _, p_late) = columns
    lines = [
        f"| method | mean rank at {results[0].costs[-1] / 4:.0f} trainings | at the end |",
        "|---|---|---|",
    ]
    for index in np.argsort(late):
        marks = [
            " *" if ranks[index] - ranks.min() <= difference else "" for ranks in (early, late)
        ]
        lines.append(
            f"| {methods[index]} | {early[index]:.2f}{marks[0]} | {late[index]:.2f}{marks[1]} |"
        )
    lines.append(
        f"\n{len(results) * seeds} blocks (space and seed); critical difference {difference:.2f}; *"
        f" not significantly behind the first. Friedman's p: {p_early:.1g} early, {p_late:.1g} at"
        " the end."
    )
    return "\n".join(lines)


def table_of_pairs(results: list[Results], default: str) -> str:
    """Return how often each method is ahead of the program's default with the same seed, over both
    spaces, at half of the budget and at its end.
    """
    others = [
        name
        for name in results[0].methods
        if name != default and all({name, default} <= set(each.methods) for each in results)
    ]
    budget = results[0].costs[-1]
    lines = [
        f"| method | ahead, behind at {budget / 2:.0f} trainings | p | ahead, behind at the end | p"
        " | points at the end |",
        "|---" * 6 + "|",
    ]
    for name in others:
        cells = []
        for share in (0.5, 1.0):
            place = int(np.argmin(np.abs(SHARES - share)))
            own, usual = (
                np.concatenate([each.true[each.methods.index(key), :, place] for each in results])
                for key in (name, default)
            )
            ahead, behind, p = sign_test(own, usual)
            mark = " *" if p * len(others) < 0.05 else ""
            cells.append(f"{ahead}, {behind} | {p:.2g}{mark}")
        points = 100 * float(np.mean(own - usual))
        lines.append(f"| {name} | {' | '.join(cells)} | {points:+.2f} |")
    seeds = sum(each.true.shape[1] for each in results)
    lines.append(
        f"\n{seeds} pairs, of which the rest are equal; sign test; * below 0.05 after Bonferroni's"
        f" correction for {len(others)} methods."
    )
    return "\n".join(lines)


def draw(rows: list[dict[str, Any]], folder: Path) -> None:
    """Write a figure of each group: median true accuracy against cost, with quartiles."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    matplotlib.rcParams.update({"svg.hashsalt": "search", "svg.fonttype": "none"})
    folder.mkdir(exist_ok=True)
    for group, shown in SHOWN_METHODS.items():
        known = {task: own for task in NAMES if (own := results_of(rows, group, task, "epochs"))}
        if not known:
            continue
        figure, axes = pyplot.subplots(
            1, len(known), figsize=(1 + 4.5 * len(known), 3.4), layout="constrained", squeeze=False
        )
        for axis, (task, results) in zip(axes[0], known.items(), strict=True):
            for name in shown:
                if name not in results.methods:
                    continue
                low, middle, high = np.percentile(
                    100 * results.true[results.methods.index(name)], [25, 50, 75], axis=0
                )
                (line,) = axis.plot(results.costs, np.where(middle > 0, middle, np.nan), label=name)
                axis.fill_between(
                    results.costs, low, high, color=line.get_color(), alpha=0.12, lw=0
                )
            axis.set_title(task)
            axis.set_xlabel("cost in full trainings")
            axis.set_ylim(np.median(100 * results.true[:, :, 3]) - 8, None)
        axes[0, 0].set_ylabel("test accuracy of the choice, %")
        axes[0, -1].legend(fontsize=7)
        figure.savefig(folder / f"search_{group}.svg", metadata={"Date": None})
        pyplot.close(figure)


SHOWN_METHODS = {
    "schedules": (
        "random, full length",
        "median 5/1",
        "successive halving, 3",
        "promotion 1, 3, 9",
        "one epoch, 25 %",
    ),
    "samplers": ("random", "TPE (default)", "TPE, group", "TPE, independent", "GP of curves"),
    "searches": (
        "random, full length",
        "TPE, full length (sweeper's default)",
        "TPE, median 5/1",
        "TPE, promotion 1, 3, 9",
        "GP of curves, promotion 1, 3, 9",
    ),
}


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of constant values in rank correlations
    main()
