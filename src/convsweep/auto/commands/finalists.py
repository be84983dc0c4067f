"""The command that compares the best trials with the baseline."""

import math
from collections.abc import Sequence
from dataclasses import replace

from convsweep.auto.commands.arguments import SPARE, LeftOutError
from convsweep.auto.context import SEEDS, StageContext
from convsweep.auto.files import SPACE, Files
from convsweep.auto.reading import score_of
from convsweep.auto.shares import Costs, FinalsChoice, fit_finals
from convsweep.auto.state import StageState


def finalists(context: StageContext) -> list[str]:
    """Return the command that trains the best trials and the baseline with several seeds.

    Raises:
        LeftOutError: there is nothing to compare; or the best trial scored less than the baseline,
            although chance raises the best score of many.
    """
    has_failed = context.state.stages.get(SPACE, StageState()).status == "failed"
    if not context.files.trials:
        raise LeftOutError("the search failed" if has_failed else "there was no search")
    if not context.files.rivals:
        raise LeftOutError("no trial of the search but the baseline came to its end")
    best, before = score_of(context.files.rivals[0]), context.to_beat
    if best is not None and before is not None and is_worse(best, before, context.files):
        raise LeftOutError(
            f"no other trial reached the baseline's score, {best:.4g} against {before:.4g}; the"
            " training on all data has the time instead"
        )
    of_epochs, wanted = context.epoch_shares(), context.choices
    if of_epochs is not None and of_epochs.chosen is not None:
        most = of_epochs.chosen.num_trainings
        wanted = [each for each in wanted if each.num_trainings <= most]
    costs = context.searched_costs()
    free, chosen = time_for_finalists(context, costs, wanted)
    if chosen.by == "seeds" and of_epochs is None:
        # trained seed by seed until the time is over: more seeds make a narrower interval
        chosen = replace(chosen, each=max(chosen.each, context.request.seeds or SEEDS))
    return confirm(context, chosen, free - costs.start + context.seconds_of("finalists"))


def is_worse(value: float, than: float, files: Files) -> bool:
    """Return whether a score is worse than another one."""
    return value < than if files.maximizes else value > than


def confirm(context: StageContext, finals: FinalsChoice, seconds: float) -> list[str]:
    """Return the command that compares the best trials with the baseline.

    Args:
        context: the run.
        finals: which.
        seconds: its longest time.
    """
    timeout = f"hydra.sweeper.timeout={max(1.0, seconds):.0f}" if math.isfinite(seconds) else ""
    words = [f"top={finals.top}", f"{finals.by}={finals.each}", "baseline=defaults", "test=false"]
    return ["confirm", str(context.files.study), *words, *filter(None, [timeout])]


def time_for_finalists(
    context: StageContext, costs: Costs, wanted: Sequence[FinalsChoice]
) -> tuple[float, FinalsChoice]:
    """Return the seconds that finalists may take, and which fit: more than were planned if the
    search was quick. The training on all data keeps its share of what was left before the search,
    or else the time of its shortest form: it gains more.

    Raises:
        LeftOutError: not even the least fit.
    """
    rest = context.left - costs.ending
    before = rest + context.seconds_of(SPACE) + context.seconds_of("finalists")
    for reserved in (costs.winner_of(before), costs.of_winner):
        free = rest - reserved
        fitting = fit_finals(free * (1 - SPARE), costs, wanted)
        if fitting is not None:
            return free, fitting
    raise LeftOutError("the time that is left does not hold the trainings that an interval needs")
