"""Parameter importances, with the number of trials and a comparison with chance."""

import math
import random
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import optuna
from optuna.importance import PedAnovaImportanceEvaluator
from optuna.storages import InMemoryStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from convsweep.review.report.rendering.blocks import Block, Figure, Notice, Table, Text
from convsweep.review.report.rendering.phrases import count_text, percent
from convsweep.review.report.rendering.thinning import evenly
from convsweep.review.study import Sweep

# Smallest number of complete trials for importances.
FEWEST = 8
# Number of complete trials above which an even sample is used.
MOST = 1000
SHUFFLES = 40
# Trials that must be among the top ones (Optuna's documentation advises it).
TOP = 5
UNLIKELY = 0.05


@dataclass(frozen=True)
class Importance:
    """The importance of one parameter.

    Attributes:
        name: of the parameter.
        share: of the importance of all parameters.
        by_chance: share of shuffled studies, in which nothing matters, with at least this
            importance.
        num_trials: number of complete trials that have the parameter.
    """

    name: str
    share: float
    by_chance: float
    num_trials: int

    @property
    def is_clear(self) -> bool:
        """Whether the importance is unlikely by chance."""
        return self.by_chance <= UNLIKELY


@dataclass(frozen=True)
class Importances:
    """The importances of a study for one objective, the largest first, with the numbers of trials
    and of top trials.
    """

    items: Sequence[Importance]
    num_trials: int
    num_top: int


class Chosen(optuna.Study):
    """A study of given trials, for the evaluator."""

    def __init__(self, trials: Sequence[FrozenTrial]) -> None:
        storage = InMemoryStorage()
        storage.create_new_study([StudyDirection.MINIMIZE], "chosen")
        super().__init__("chosen", storage)
        self._chosen = list(trials)

    def get_trials(  # type: ignore[override]
        self, deepcopy: bool = True, states: Sequence[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Return the given trials, all of them complete."""
        return self._chosen


def importances(sweep: Sweep, objective: int = 0) -> Importances | None:
    """Return Optuna's PED-ANOVA importances for reaching the top trials, compared with chance.

    For the comparison, the scores are permuted among the trials `SHUFFLES` times.

    Returns:
        None if too few trials are complete, or only one parameter was searched.

    Source: Watanabe et al. 2023, "PED-ANOVA" (arXiv 2304.10255), as Optuna extends it to
    conditional parameters.
    """
    trials = evenly(sweep.complete, MOST)
    names = [
        name for name in sweep.searched_params if any(name in trial.params for trial in trials)
    ]
    if len(trials) < FEWEST or len(names) < 2:
        return None
    sign = -1.0 if sweep.maximise[objective] else 1.0
    losses = [sign * trial.values[objective] for trial in trials]
    quantile = min(0.5, max(0.1, TOP / len(trials)))
    found = evaluate(trials, names, losses, quantile)
    generator = random.Random(0)
    shuffled = [
        evaluate(trials, names, generator.sample(losses, len(losses)), quantile)
        for _ in range(SHUFFLES)
    ]
    total = sum(found.values()) or 1.0
    items = [
        Importance(
            name,
            found[name] / total,
            sum(by_chance[name] >= found[name] for by_chance in shuffled) / SHUFFLES,
            sum(name in trial.params for trial in trials),
        )
        for name in names
    ]
    cutoff = sorted(losses)[math.ceil(quantile * len(losses)) - 1]
    return Importances(
        sorted(items, key=lambda item: -item.share),
        len(trials),
        sum(loss <= cutoff for loss in losses),
    )


def importances_by_name(sweep: Sweep) -> dict[str, Importances]:
    """Return the importances of each objective that has any."""
    found = {name: importances(sweep, index) for index, name in enumerate(sweep.objectives)}
    return {name: one for name, one in found.items() if one is not None}


def order_of(sweep: Sweep, found: Importances | None) -> list[str]:
    """Return the parameters of complete trials, the most important first if known."""
    if found is not None:
        return [item.name for item in found.items]
    return [
        name
        for name in sweep.searched_params
        if any(name in trial.params for trial in sweep.complete)
    ]


def evaluate(
    trials: Sequence[FrozenTrial], names: Sequence[str], losses: Sequence[float], quantile: float
) -> dict[str, float]:
    """Return the unscaled importance of each parameter for a loss below the quantile."""
    by_number = {trial.number: loss for trial, loss in zip(trials, losses, strict=True)}
    evaluator = PedAnovaImportanceEvaluator(target_quantile=quantile)
    with warnings.catch_warnings():
        # Optuna warns about every target and every rare value of a conditional parameter
        warnings.simplefilter("ignore")
        return evaluator.evaluate(
            Chosen(trials), list(names), target=lambda trial: by_number[trial.number]
        )


def importance_blocks(sweep: Sweep, found: dict[str, Importances]) -> list[Block]:
    """Return a chart for every objective, or the reason why there is none."""
    if not found:
        have = (
            f"{count_text(len(sweep.complete), 'complete trial')} and"
            f" {count_text(len(sweep.searched_params), 'parameter')}"
        )
        needs = f"that needs {FEWEST} complete trials and two searched parameters"
        return [Text(f"No importances: {needs}; there are {have}.")]
    blocks: list[Block] = [chart(sweep, found_, name) for name, found_ in found.items()]
    first = next(iter(found.values()))
    blocks.append(Text(how_to_read(first, len(sweep.complete))))
    if sweep.conditional:
        names = ", ".join(
            f"`{sweep.labels[name]}` (in {number})" for name, number in sweep.conditional.items()
        )
        blocks.append(
            Notice(
                f"Read with care: {names} of {len(sweep.complete)} complete trials exist only under"
                " a condition. Their importance is computed from the trials that have them and"
                " tends to be overestimated; part of their effect is attributed to the parameter"
                " that enables them."
            )
        )
    return blocks


def how_to_read(found: Importances, num_complete: int) -> str:
    """Return an explanation of the importances and their limits."""
    sample = f" (an even sample of {num_complete:,})" if found.num_trials < num_complete else ""
    text = (
        f"PED-ANOVA (Optuna): how much the values of the top {found.num_top} of"
        f" {found.num_trials:,} complete trials{sample} differ from those of all. Pruned trials,"
        " mostly bad ones, have no final score and are left out. A bar is grey if more than one in"
        f" twenty of {SHUFFLES}"
        " shuffled studies, in which no parameter matters, gives at least as much. Samplers that"
        " concentrate on good values overestimate the importance of these parameters."
    )
    few = found.num_top < TOP or found.num_trials < 20
    return text + (
        f" **{count_text(found.num_trials, 'trial')} are few: take this as a hint.**" if few else ""
    )


def chart(sweep: Sweep, found: Importances, objective: str) -> Figure:
    """Return a bar chart with the most important parameter on top."""
    items = list(reversed(found.items))
    labels = [
        sweep.labels[item.name]
        + (
            f" ({item.num_trials} of {found.num_trials})"
            if item.num_trials < found.num_trials
            else ""
        )
        for item in items
    ]
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": [item.share for item in items],
        "y": labels,
        "marker": {"color": ["@accent" if item.is_clear else "@faint" for item in items]},
        "text": [percent(item.share) for item in items],
        "textposition": "outside",
        "cliponaxis": False,
        "customdata": [percent(item.by_chance) for item in items],
        "hovertemplate": (
            "%{y}: %{x:.1%}<br>as much by chance in %{customdata} of the shuffled studies"
            "<extra></extra>"
        ),
    }
    rows = [
        [labels[-1 - row], percent(item.share), percent(item.by_chance)]
        for row, item in enumerate(found.items)
    ]
    return Figure(
        f"Importance for {objective}",
        [bars],
        {
            "xaxis": {
                "visible": False,
                "range": [0, 1.15 * max(item.share for item in items) or 1],
            },
            "showlegend": False,
            "margin": {"l": 56, "r": 16, "t": 4, "b": 4},
        },
        height=40 + 30 * len(items),
        instead=Table(["parameter", "importance", "as much by chance"], rows),
    )
