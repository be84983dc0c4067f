"""Figures of a report as Plotly panels in W&B."""

import logging
import re
from collections.abc import Callable, Sequence
from typing import Any

from convsweep.review.report.rendering.blocks import Block, Figure, Grid
from convsweep.review.report.rendering.html import without_links
from convsweep.review.report.rendering.palette import fill_in_colours
from convsweep.review.report.sections.front import front_blocks
from convsweep.review.report.sections.history import history_blocks
from convsweep.review.report.sections.importance import (
    importance_blocks,
    importances_by_name,
    order_of,
)
from convsweep.review.report.sections.parallel import parallel_blocks
from convsweep.review.report.sections.timeline import timeline_blocks
from convsweep.review.report.sections.tradeoff import tradeoff_blocks
from convsweep.review.study import Sweep

log = logging.getLogger(__name__)


def panels(sweep: Sweep) -> dict[str, Any]:
    """Return all available figures by name: `figures/history`, `figures/importance`, ..."""
    import wandb

    made: dict[str, Any] = {}
    for section, blocks in sections(sweep).items():
        try:
            for name, figure in figures_of(blocks()).items():
                made[f"figures/{section}{name}"] = wandb.Plotly(plotly_figure(figure))
        except Exception:
            log.exception("the figure %r is left out", section)
    return made


def sections(sweep: Sweep) -> dict[str, Callable[[], Sequence[Block]]]:
    """Return the functions of the available sections' blocks by name."""
    made: dict[str, Callable[[], Sequence[Block]]] = (
        {"timeline": lambda: timeline_blocks(sweep)} if sweep.trials else {}
    )
    if sweep.best is None:
        return made
    found = importances_by_name(sweep)
    order = order_of(sweep, next(iter(found.values()), None))
    made["history"] = lambda: history_blocks(sweep)
    made["cost"] = lambda: tradeoff_blocks(sweep)
    if found:
        made["importance"] = lambda: importance_blocks(sweep, found)
    if order:
        made["parallel"] = lambda: parallel_blocks(sweep, order)
    if sweep.several:
        made["front"] = lambda: front_blocks(sweep)
    return made


def figures_of(blocks: Sequence[Block]) -> dict[str, Figure]:
    """Return the figures among blocks by suffix: a number (empty for the first), or in a grid the
    title.
    """
    found: dict[str, Figure] = {}
    for block in blocks:
        if isinstance(block, Figure):
            found[f"_{len(found) + 1}" if found else ""] = block
        elif isinstance(block, Grid):
            found |= {"_" + re.sub(r"\W+", "_", figure.title): figure for figure in block.figures}
    return found


def plotly_figure(figure: Figure) -> Any:
    """Return a report's figure as a Plotly figure in the colours of the light theme."""
    from plotly.graph_objects import Figure as PlotlyFigure

    title = {"title": {"text": figure.title}} if figure.title else {}
    shared = {"template": "plotly_white", "height": figure.height}
    data, layout = without_links([figure.data, {**shared, **title, **figure.layout}])
    return PlotlyFigure(data=fill_in_colours(data), layout=fill_in_colours(layout))
