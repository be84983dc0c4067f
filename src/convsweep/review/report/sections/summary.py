"""Summary of a sweep: best score and network, most important parameters, certainty."""

from collections.abc import Mapping
from statistics import stdev
from typing import Any

from convsweep.review.report.rendering.blocks import Block, Bullets, Card, Cards, Notice
from convsweep.review.report.rendering.phrases import (
    count_text,
    duration,
    list_text,
    network_card,
    number,
    params_text,
    score,
)
from convsweep.review.report.sections.confirmation import difference_in_words
from convsweep.review.report.sections.effects import effect_of
from convsweep.review.report.sections.history import improvements
from convsweep.review.report.sections.importance import FEWEST, Importances
from convsweep.review.report.sections.outcomes import most_frequent_reason, summary_of
from convsweep.review.report.sections.search_summary import (
    charged_text,
    sweep_seconds,
    trial_seconds,
)
from convsweep.review.study import Sweep
from hydra_study import attributes

# Best trials whose values are compared.
NEAR = 5
# Parameters that a sentence names; it counts more.
MANY = 6
# Short texts for the verdicts of a confirmation.
ANSWERS = {
    "better": "confirmed",
    "not_shown": "not shown",
    "not_better": "not better",
    "worse": "worse than the baseline",
    "no_baseline": "no baseline",
    "no_result": "no result",
    "unfinished": "unfinished",
}


def summary_blocks(
    sweep: Sweep, found: Importances | None, confirmation: Mapping[str, Any] | None
) -> list[Block]:
    """Return the cards and the sentences below them."""
    if not sweep.trials:
        return [
            Notice(
                "The study has no trials yet: nothing was searched. Start it, and make this report"
                " again."
            )
        ]
    blocks: list[Block] = []
    if sweep.is_running:
        blocks.append(
            Notice(
                f"**Still running**: {count_text(sweep.kinds['running'], 'trial')} in the making;"
                " the report is of this moment."
            )
        )
    if sweep.best is None:
        wrong = f"**No trial is complete**: {summary_of(sweep)}.{most_frequent_reason(sweep)}"
        return [*blocks, Notice(wrong), Cards([spent_card(sweep)])]
    cards = [
        best_card(sweep),
        winner_card(sweep),
        importance_card(sweep, found),
        sure_card(sweep, confirmation),
        spent_card(sweep),
    ]
    return [*blocks, Cards(cards), Bullets(sentences(sweep, found, confirmation))]


def best_card(sweep: Sweep) -> Card:
    """Return the best score."""
    assert sweep.best is not None
    if sweep.several:
        ends = [sweep.front[0], sweep.front[-1]]
        values = " to ".join(dict.fromkeys(number(trial.values[0]) for trial in reversed(ends)))
        return Card(
            f"{sweep.objectives[0]} on the Pareto front",
            values,
            f"{count_text(len(sweep.front), 'trial')} on the front",
        )
    return Card(
        f"best {sweep.objectives[0]}", number(sweep.best.values[0]), f"trial {sweep.best.number}"
    )


def winner_card(sweep: Sweep) -> Card:
    """Return the network of the best trial."""
    assert sweep.best is not None
    label = (
        "its network"
        if not sweep.several
        else f"best in {sweep.objectives[0]}: trial {sweep.best.number}"
    )
    return network_card(label, str(sweep.best.user_attrs.get("summary", "")))


def importance_card(sweep: Sweep, found: Importances | None) -> Card:
    """Return the parameters that mattered most."""
    if found is None:
        return Card(
            "what mattered most",
            "too early to say",
            f"needs {FEWEST} complete trials, there are {len(sweep.complete)}",
        )
    clear = [item for item in found.items if item.is_clear][:2]
    if not clear:
        first = sweep.labels[found.items[0].name]
        return Card(
            "what mattered most",
            "nothing stands out",
            f"{first} leads, but chance could do that; {found.num_trials} trials",
        )
    names = " and ".join(sweep.labels[item.name] for item in clear)
    return Card(
        "what mattered most",
        names,
        f"on {count_text(found.num_trials, 'complete trial')}, beyond what chance gives",
    )


def sure_card(sweep: Sweep, confirmation: Mapping[str, Any] | None) -> Card:
    """Return how reliable the best score is."""
    if confirmation is None:
        return Card(
            "how sure",
            "not confirmed",
            "one training each, chosen for its validation score: expect a little less on new data",
        )
    verdict = confirmation["verdict"]
    if verdict["difference"] is None:
        return Card("how sure", ANSWERS.get(verdict["answer"], "see below"), verdict["words"])
    seeds = count_text(verdict["difference"]["n"], "seed")
    remark = (
        f"{difference_in_words(verdict['difference'])} to the baseline on the {verdict['split']}"
        f" split, {seeds}"
    )
    return Card("how sure", ANSWERS.get(verdict["answer"], "see below"), remark)


def spent_card(sweep: Sweep) -> Card:
    """Return the cost of the search."""
    worked = sweep_seconds(sweep)
    time = f"{duration(worked)} at work; " if worked else ""
    return Card(
        "budget spent",
        charged_text(sweep),
        f"{time}{duration(trial_seconds(sweep))} of training; {summary_of(sweep)}",
    )


def sentences(
    sweep: Sweep, found: Importances | None, confirmation: Mapping[str, Any] | None
) -> list[str]:
    """Return sentences below the cards."""
    said = [headline(sweep)]
    if sweep.decision is not None:
        said += [f"{line[0].upper()}{line[1:]}." for line in sweep.decision.lines()]
    if confirmation is not None:
        said.append(f"Confirmation: {confirmation['verdict']['words']}")
    if found is not None:
        said += what_mattered(sweep, found)
    return [*said, *progress(sweep), *how_close(sweep)]


def headline(sweep: Sweep) -> str:
    """Return a sentence on the best trial, or on the two ends of the front with several
    objectives.
    """
    assert sweep.best is not None
    if not sweep.several:
        return (
            f"**Trial {sweep.best.number}** reached {score(sweep, sweep.best)} with"
            f" {params_text(sweep, sweep.best)}."
        )
    ends = [sweep.front[-1], sweep.front[0]] if len(sweep.front) > 1 else sweep.front
    return (
        "The Pareto front runs from"
        f" {' to '.join(f'**trial {trial.number}** ({score(sweep, trial)})' for trial in ends)}."
    )


def what_mattered(sweep: Sweep, found: Importances) -> list[str]:
    """Return the effect of each parameter of clear importance, and the names of the others."""
    said = []
    clear = [item for item in found.items if item.is_clear]
    for item in clear[:3]:
        effect = effect_of(sweep, item.name)
        if effect is not None:
            said.append(f"`{effect.label}` mattered: best {effect.best}, worst {effect.worst}.")
    others = [f"`{sweep.labels[item.name]}`" for item in found.items if not item.is_clear]
    if others and clear:
        named = list_text(others) if len(others) <= MANY else f"the other {len(others)} parameters"
        said.append(f"No clear effect on reaching the top: {named}.")
    return said


def progress(sweep: Sweep) -> list[str]:
    """Return whether the search was still improving at its end."""
    if sweep.several or len(sweep.complete) < FEWEST:
        return []
    steps, last = improvements(sweep), sweep.trials[-1].number
    since = last - steps[-1][0]
    if since >= 0.4 * (last + 1):
        return [
            f"The best came early (trial {steps[-1][0]} of {last + 1}); the {since} trials after it"
            " did not beat it."
        ]
    return [
        f"The best came late (trial {steps[-1][0]} of {last + 1}): a longer search may find a"
        " better one."
    ]


def how_close(sweep: Sweep) -> list[str]:
    """Return how close the next best trials are, and the variation of networks that were trained
    several times.
    """
    if sweep.several or len(sweep.complete) <= NEAR:
        return []
    best, fifth = sweep.ranked[0].values[0], sweep.ranked[NEAR - 1].values[0]
    same = sum(trial.values[0] == best for trial in sweep.complete)
    if same > 1:
        said = [f"{count_text(same, 'trial')} share the best score; which of them is best is open."]
    else:
        said = [
            f"The best {NEAR} trials lie between {number(best, 5)} and {number(fifth, 5)}; one"
            " training each does not rank them."
        ]
    noise = repetition_noise(sweep)
    if noise is not None:
        said.append(
            f"The same network trained again with another seed differs by {number(noise, 2)}"
            " (standard deviation)."
        )
    return said


def repetition_noise(sweep: Sweep) -> float | None:
    """Return the mean standard deviation of networks that were trained with several seeds, None
    without any.
    """
    same: dict[str, list[float]] = {}
    for trial in sweep.complete:
        if attributes.HASH in trial.user_attrs:
            same.setdefault(trial.user_attrs[attributes.HASH], []).append(trial.values[0])
    spreads = [stdev(values) for values in same.values() if len(values) > 1]
    return sum(spreads) / len(spreads) if spreads else None
