"""Outcomes of the trials by kind, with reasons for those that are not complete."""

import re
from collections import Counter
from collections.abc import Sequence

from optuna.trial import FrozenTrial

from convsweep.review.report.rendering.blocks import Block, Cell, Code, Figure, Fold, Table, Text
from convsweep.review.report.rendering.palette import KINDS, in_words
from convsweep.review.report.rendering.phrases import count_text, duration
from convsweep.review.study import Sweep, seconds_of
from hydra_study import attributes, kind_of


def outcome_blocks(sweep: Sweep) -> list[Block]:
    """Return the number of trials of every kind, reasons, and the first traceback."""
    kinds = [kind for kind in KINDS if sweep.kinds[kind]]
    bars = [
        {
            "type": "bar",
            "orientation": "h",
            "y": [""],
            "x": [sweep.kinds[kind]],
            "marker": {"color": KINDS[kind].colour},
            "hovertemplate": f"{sweep.kinds[kind]:,} {kind}: {KINDS[kind].meaning}<extra></extra>",
        }
        for kind in kinds
    ]
    hidden, margin = {"visible": False}, dict.fromkeys("lrtb", 0)
    layout = {
        "barmode": "stack",
        "xaxis": {**hidden, "range": [0, len(sweep.trials)]},
        "yaxis": hidden,
        "margin": margin,
    }
    key = [(f"{in_words(kind)} ({sweep.kinds[kind]:,})", KINDS[kind].colour) for kind in kinds]
    blocks: list[Block] = [Figure("", bars, {**layout, "showlegend": False}, height=44, key=key)]
    spent = {
        kind: sum(seconds_of(trial) or 0.0 for trial in sweep.trials if kind_of(trial) == kind)
        for kind in kinds
    }
    rows: list[list[Cell]] = [
        [in_words(kind), sweep.kinds[kind], duration(spent[kind]), KINDS[kind].meaning]
        for kind in kinds
    ]
    blocks.append(Table(["outcome", "trials", "time", "meaning"], rows))
    reasons = reason_rows(sweep.trials)
    if reasons:
        blocks += [
            Text("**Reasons**, the most frequent first; numbers are shown as `#`."),
            Table(["outcome", "trials", "reason", "for example"], reasons, 8),
        ]
    return blocks + first_traceback(sweep.trials)


def reason_rows(trials: Sequence[FrozenTrial]) -> list[list[str | int]]:
    """Return the reasons, grouped without regard to numbers, each with the number of trials and one
    of them.
    """
    count: Counter[tuple[str, str]] = Counter()
    example: dict[tuple[str, str], int] = {}
    for trial in trials:
        reason = trial.user_attrs.get(attributes.REASON)
        if reason:
            key = (in_words(kind_of(trial)), re.sub(r"\d[\d,.]*(?:e[+-]?\d+)?", "#", str(reason)))
            count[key] += 1
            example.setdefault(key, trial.number)
    return [
        [kind, number, reason, f"trial {example[kind, reason]}"]
        for (kind, reason), number in count.most_common()
    ]


def first_traceback(trials: Sequence[FrozenTrial]) -> list[Block]:
    """Return the traceback of the first error, folded."""
    for trial in trials:
        text = trial.user_attrs.get(attributes.TRACEBACK)
        if text and kind_of(trial) == "error":
            return [Fold(f"Traceback of trial {trial.number}", [Code(str(text), "text")])]
    return []


def summary_of(sweep: Sweep) -> str:
    """Return the outcomes in one line."""
    return ", ".join(
        f"{sweep.kinds[kind]:,} {in_words(kind)}" for kind in KINDS if sweep.kinds[kind]
    )


def most_frequent_reason(sweep: Sweep) -> str:
    """Return the most frequent reason for incomplete trials, to append to a sentence; empty if
    there is none.
    """
    rows = reason_rows([trial for trial in sweep.trials if kind_of(trial) != "complete"])
    return f" Most often ({count_text(int(rows[0][1]), 'trial')}): {rows[0][2]}" if rows else ""
