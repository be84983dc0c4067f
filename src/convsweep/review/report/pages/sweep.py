"""The report of a sweep."""

from collections.abc import Sequence
from datetime import UTC, datetime

from convsweep.review.report.rendering.blocks import Block, Page, Section
from convsweep.review.report.sections.architecture import trial_blocks
from convsweep.review.report.sections.confirmation import confirmation_blocks, confirmation_of
from convsweep.review.report.sections.curves import curve_blocks
from convsweep.review.report.sections.data_look import look_blocks
from convsweep.review.report.sections.front import front_blocks
from convsweep.review.report.sections.history import history_blocks
from convsweep.review.report.sections.importance import (
    importance_blocks,
    importances_by_name,
    order_of,
)
from convsweep.review.report.sections.interactions import interaction_blocks
from convsweep.review.report.sections.outcomes import outcome_blocks
from convsweep.review.report.sections.parallel import parallel_blocks
from convsweep.review.report.sections.reproduce import reproduce_blocks
from convsweep.review.report.sections.search_summary import searched_blocks
from convsweep.review.report.sections.slices import slice_blocks
from convsweep.review.report.sections.summary import summary_blocks
from convsweep.review.report.sections.timeline import timeline_blocks
from convsweep.review.report.sections.tradeoff import tradeoff_blocks
from convsweep.review.report.sections.trials_table import all_blocks, best_blocks
from convsweep.review.study import Sweep


def sweep_page(sweep: Sweep) -> Page:
    """Return the report of a sweep; sections without content are left out."""
    found = importances_by_name(sweep)
    first = next(iter(found.values()), None)
    confirmation = confirmation_of(sweep)
    sections: list[tuple[str, Sequence[Block]]] = [
        ("In one minute", summary_blocks(sweep, first, confirmation))
    ]
    if sweep.best is not None:
        order = order_of(sweep, first)
        sections += [
            ("The best trial", trial_blocks(sweep, sweep.best)),
            ("Best trials", best_blocks(sweep)),
            ("Confirmation", confirmation_blocks(sweep, confirmation)),
            ("Pareto front", front_blocks(sweep) if sweep.several else []),
            ("History", history_blocks(sweep)),
            ("What mattered", importance_blocks(sweep, found)),
            ("One parameter", slice_blocks(sweep, order) if order else []),
            ("Pairs", interaction_blocks(sweep, order)),
            ("Parallel", parallel_blocks(sweep, order) if order else []),
            ("Cost", tradeoff_blocks(sweep)),
        ]
    if sweep.trials:
        sections += [
            ("Curves", curve_blocks(sweep)),
            ("Outcomes", outcome_blocks(sweep)),
            ("Timeline", timeline_blocks(sweep)),
        ]
    sections.append(("The data", look_blocks(sweep.config_value("data_files"))))
    sections.append(("What was searched", searched_blocks(sweep)))
    sections.append(("Run it again", reproduce_blocks(sweep)))
    sections.append(("All trials", all_blocks(sweep) if sweep.trials else []))
    made = [Section(title, blocks) for title, blocks in sections if blocks]
    return Page(
        f"Sweep {sweep.name}",
        f"{len(sweep.trials):,} trials, seen {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        made,
    )
