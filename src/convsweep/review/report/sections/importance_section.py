"""What mattered: the importance of every parameter, beside what chance would give."""

from convsweep.review.report.rendering.blocks import Block, Figure, Notice, Table, Text
from convsweep.review.report.rendering.phrases import counted, percent
from convsweep.review.report.sections.importance import FEWEST, SHUFFLES, TOP, Importances
from convsweep.review.study import Sweep


def importance_blocks(sweep: Sweep, found: dict[str, Importances]) -> list[Block]:
    """Return a chart for every objective, or why there is none."""
    if not found:
        have = f"{counted(len(sweep.complete), 'complete trial')} and {counted(len(sweep.searched), 'parameter')}"
        needs = f"that needs {FEWEST} complete trials and two searched parameters"
        return [Text(f"No importance is told: {needs}; there are {have}.")]
    blocks: list[Block] = [chart(sweep, found_, name) for name, found_ in found.items()]
    first = next(iter(found.values()))
    blocks.append(Text(how_to_read(first, len(sweep.complete))))
    if sweep.conditional:
        names = ", ".join(f"`{sweep.labels[name]}` (in {number})" for name, number in sweep.conditional.items())
        blocks.append(
            Notice(
                f"Read with care: {names} of {len(sweep.complete)} complete trials exist only under a condition. "
                "Their importance is told among the trials that have them and is easily overrated; "
                "the parameter that switches them on takes part of what is theirs."
            )
        )
    return blocks


def how_to_read(found: Importances, num_complete: int) -> str:
    """Return how the importances came about and how far they carry."""
    sample = f" (an even sample of {num_complete:,})" if found.num_trials < num_complete else ""
    text = (
        f"PED-ANOVA (Optuna): how differently the top {found.num_top} of {found.num_trials:,} complete trials{sample} chose "
        "their values. "
        f"Pruned trials, mostly bad ones, have no final score and are left out. A bar is grey where more than one in twenty of "
        f"{SHUFFLES} shuffled studies, in which no parameter matters, finds as much. A sampler that returns to good values "
        "makes what it returned to look more important than it is."
    )
    few = found.num_top < TOP or found.num_trials < 20
    return text + (f" **{counted(found.num_trials, 'trial')} are few: take this as a hint.**" if few else "")


def chart(sweep: Sweep, found: Importances, objective: str) -> Figure:
    """Return bars, the most important parameter on top."""
    items = list(reversed(found.items))
    labels = [
        sweep.labels[item.name] + (f" ({item.num_trials} of {found.num_trials})" if item.num_trials < found.num_trials else "")
        for item in items
    ]
    bars = {
        "type": "bar", "orientation": "h", "x": [item.share for item in items], "y": labels,
        "marker": {"color": ["@accent" if item.is_clear else "@faint" for item in items]},
        "text": [percent(item.share) for item in items], "textposition": "outside", "cliponaxis": False,
        "customdata": [percent(item.by_chance) for item in items],
        "hovertemplate": "%{y}: %{x:.1%}<br>as much by chance in %{customdata} of the shuffled studies<extra></extra>",
    }  # fmt: skip
    rows = [[labels[-1 - row], percent(item.share), percent(item.by_chance)] for row, item in enumerate(found.items)]
    return Figure(
        f"Importance for {objective}",
        [bars],
        {
            "xaxis": {"visible": False, "range": [0, 1.15 * max(item.share for item in items) or 1]},
            "showlegend": False,
            "margin": {"l": 56, "r": 16, "t": 4, "b": 4},
        },
        height=40 + 30 * len(items),
        instead=Table(["parameter", "importance", "as much by chance"], rows),
    )
