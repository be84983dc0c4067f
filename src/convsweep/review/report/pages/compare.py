"""Comparison of two sweeps: space, results, cost."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from convsweep.errors import UserError
from convsweep.review.report.rendering.blocks import (
    Block,
    Bullets,
    Card,
    Cards,
    Cell,
    Notice,
    Page,
    Section,
    Table,
)
from convsweep.review.report.rendering.phrases import (
    duration,
    number,
    params_text,
    percent,
    value_text,
)
from convsweep.review.report.sections.architecture import trial_blocks
from convsweep.review.report.sections.compare_figures import (
    cost_blocks,
    history_blocks,
    spread_figure,
)
from convsweep.review.report.sections.history import improvements
from convsweep.review.report.sections.importance import importances
from convsweep.review.report.sections.outcomes import summary_of
from convsweep.review.report.sections.search_summary import (
    overview,
    sweep_seconds,
    trial_seconds,
    values_in_words,
)
from convsweep.review.study import Sweep
from hydra_study import attributes, is_charged


def compare_page(one: Sweep, other: Sweep) -> Page:
    """Return the page of two sweeps.

    Raises:
        UserError: their objectives or directions differ.
    """
    if one.objectives != other.objectives or one.maximise != other.maximise:
        raise UserError(
            f"two sweeps can be compared where they have the same objectives, but {one.name} has"
            f" {', '.join(one.objectives)} and {other.name} has {', '.join(other.objectives)};"
            " report each alone"
        )
    sweeps, names = (one, other), names_of(one, other)
    both = all(sweep.complete for sweep in sweeps)
    sections: list[tuple[str, Sequence[Block]]] = [("In one minute", summary_blocks(sweeps, names))]
    if both:
        sections += [
            ("History", history_blocks(sweeps, names)),
            ("Scores", [spread_figure(sweeps, names)]),
        ]
        sections += [
            ("Cost", cost_blocks(sweeps, names)),
            ("What mattered", importance_blocks(sweeps, names)),
        ]
    sections.append(("Side by side", [side_by_side(sweeps, names)]))
    sections.append(("Spaces", [space_table(sweeps, names)]))
    sections += [
        (f"Winner of {name}", trial_blocks(sweep, sweep.best))
        for sweep, name in zip(sweeps, names, strict=True)
        if sweep.best
    ]
    made = [Section(title, blocks) for title, blocks in sections if blocks]
    return Page(
        f"{names[0]} and {names[1]}",
        f"two sweeps, seen {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        made,
    )


def names_of(one: Sweep, other: Sweep) -> tuple[str, str]:
    """Return names of the two, with letters added if they are equal."""
    return (
        (one.name, other.name)
        if one.name != other.name
        else (f"{one.name} (A)", f"{other.name} (B)")
    )


def summary_blocks(sweeps: Sequence[Sweep], names: Sequence[str]) -> list[Block]:
    """Return which sweep leads and by how much."""
    cards = []
    for sweep, name in zip(sweeps, names, strict=True):
        value = number(sweep.best.values[0], 5) if sweep.best else "nothing complete"
        remark = (
            f"best {sweep.objectives[0]}; {params_text(sweep, sweep.best)}"
            if sweep.best
            else summary_of(sweep)
        )
        cards.append(Card(name, value, remark))
    if not all(sweep.best for sweep in sweeps):
        return [
            Cards(cards),
            Notice("There is nothing to compare before both have a complete trial."),
        ]
    (one, other), better = sweeps, leader(sweeps)
    assert one.best is not None
    assert other.best is not None
    apart = abs(one.best.values[0] - other.best.values[0])
    if better is None:
        said = [f"Both found the same best {one.objectives[0]}."]
    else:
        said = [f"**{names[better]}** found the better {one.objectives[0]}, by {number(apart, 3)}."]
    said.append(
        "Each best is one training chosen among many, so confirm a small difference by "
        "`convsweep confirm`."
    )
    if one.num_charged != other.num_charged:
        said.append(
            f"They had different budgets: {one.num_charged:,} and {other.num_charged:,} trials."
        )
        fewer = min(one.num_charged, other.num_charged)
        at = [best_after(sweep, fewer) for sweep in sweeps]
        if all(value is not None for value in at):
            said.append(f"After {fewer:,} trials each: {number(at[0], 5)} and {number(at[1], 5)}.")
    return [Cards(cards), Bullets(said)]


def leader(sweeps: Sequence[Sweep]) -> int | None:
    """Return the index of the sweep with the better best trial, None if they are equal."""
    values = [sweep.best.values[0] for sweep in sweeps if sweep.best]
    if values[0] == values[1]:
        return None
    return int((values[1] > values[0]) == sweeps[0].maximise[0])


def best_after(sweep: Sweep, count: int) -> float | None:
    """Return the best score among the first `count` trials that count towards the budget, None if
    none is complete.
    """
    last = [trial.number for trial in sweep.trials if is_charged(trial)][count - 1]
    reached = [value for number_, value in improvements(sweep) if number_ <= last]
    return reached[-1] if reached else None


def importance_blocks(sweeps: Sequence[Sweep], names: Sequence[str]) -> list[Block]:
    """Return the importances of the parameters in both sweeps."""
    found = [importances(sweep) for sweep in sweeps]
    shares = [{item.name: item for item in one.items} if one else {} for one in found]
    params = list(dict.fromkeys(name for one in shares for name in one))
    if not params:
        return []

    def cell(index: int, name: str) -> str:
        item = shares[index].get(name)
        return (
            ""
            if item is None
            else percent(item.share) + ("" if item.is_clear else " (could be chance)")
        )

    rows = [[name, cell(0, name), cell(1, name)] for name in params]
    counts = [
        f"{name} ({one.num_trials} trials)" if one else f"{name} (too few)"
        for name, one in zip(names, found, strict=True)
    ]
    return [Table(["importance of", *counts], rows, 30, in_markdown=40)]


def side_by_side(sweeps: Sequence[Sweep], names: Sequence[str]) -> Table:
    """Return the key figures of both sweeps."""
    rows_of: dict[str, Callable[[Sweep], Cell]] = {
        "outcomes": summary_of,
        "time at work": lambda sweep: duration(sweep_seconds(sweep) or None),
        "time of training": lambda sweep: duration(trial_seconds(sweep)),
        "best trial": lambda sweep: None if sweep.best is None else sweep.best.number,
        "its network": lambda sweep: (
            None if sweep.best is None else sweep.best.user_attrs.get("summary")
        ),
    }
    told = [overview(sweep) for sweep in sweeps]
    rows: list[list[Cell]] = [
        [name, *(str(one.get(name, "")) for one in told)]
        for name in dict.fromkeys([*told[0], *told[1]])
    ]
    rows += [[name, *(read(sweep) for sweep in sweeps)] for name, read in rows_of.items()]
    return Table(["", *names], rows, 30, in_markdown=40)


def space_table(sweeps: Sequence[Sweep], names: Sequence[str]) -> Table:
    """Return the spaces of both sweeps and the best values."""
    spaces = [sweep.study_attrs.get(attributes.STUDY_SPACE, {}) for sweep in sweeps]

    def cells(index: int, key: str) -> list[Cell]:
        entry, best = spaces[index].get(key), sweeps[index].best
        name = key.lstrip("+")
        won = value_text(best.params[name]) if best is not None and name in best.params else ""
        return ["" if entry is None else values_in_words(entry), won]

    rows = [
        [key, *cells(0, key), *cells(1, key)] for key in dict.fromkeys([*spaces[0], *spaces[1]])
    ]
    return Table(["parameter", names[0], "won", names[1], "won"], rows, 40, in_markdown=60)
