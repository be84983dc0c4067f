"""The networks of a confirmation: the best trials of a sweep, and a baseline."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.trial import FrozenTrial, TrialState

from convsweep.errors import UserError, did_you_mean
from convsweep.review.confirm.request import ConfirmRequest
from convsweep.review.study import objective_names
from hydra_study import SweepFolder, decide_finals, override_text, rank_key, tally
from hydra_study.attributes import OVERRIDES, REASON, is_finalist, kind_of

BASELINE = "baseline"


@dataclass(frozen=True)
class Candidate:
    """A network that is trained with every seed.

    Attributes:
        name: `trial 12`, or `baseline`.
        overrides: of the primary config, without a seed.
        trial: number of the trial; None for the baseline.
        found: value of the ranking objective in the search; None for the baseline.
        params: the searched parameters.
    """

    name: str
    overrides: list[str]
    trial: int | None = None
    found: float | None = None
    params: Mapping[str, Any] | None = None

    @property
    def is_baseline(self) -> bool:
        """Whether this is the baseline."""
        return self.name == BASELINE


def rank(sweep: SweepFolder, request: ConfirmRequest) -> list[Candidate]:
    """Return the trials to choose from, best first.

    Raises:
        UserError: The sweep has no complete trial, or no objective of that name.
    """
    index, _ = ranking_objective(sweep, request.by)
    return [
        Candidate(
            name=f"trial {trial.number}",
            overrides=merge_overrides(
                [*_sweep_choice(sweep), *trial.user_attrs[OVERRIDES], *request.overrides]
            ),
            trial=trial.number,
            found=trial.values[index],
            params=trial.params,
        )
        for trial in best_trials(sweep, index)
    ]


def baseline_of(sweep: SweepFolder, request: ConfirmRequest) -> Candidate | None:
    """Return the baseline, or None if there is to be none."""
    if request.baseline is None:
        return None
    own = merge_overrides(
        [
            *_sweep_choice(sweep),
            *_base_overrides(sweep, request.baseline),
            *request.baseline,
            *request.overrides,
        ]
    )
    return Candidate(BASELINE, own)


def has_own_network(request: ConfirmRequest) -> bool:
    """Return whether presets of the baseline say what its network is."""
    return any(_key(text) in ("model/net", "experiment") for text in request.baseline or ())


def without_sweep_file(baseline: Candidate) -> list[str]:
    """Return the overrides of a baseline without the choice of `sweeps`."""
    return [text for text in baseline.overrides if _key(text) != "sweeps"]


def changes(key: str, given: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Return the overrides that make one part of a config into another.

    Args:
        key: Key of the part in the config.
        given: The part.
        wanted: What it is to be.
    """
    found = [f"~{key}.{name}" for name in given if name not in wanted]
    for name, value in wanted.items():
        own = f"{key}.{name}"
        if name not in given:
            found.append(f"+{own}={override_text(value)}")
        elif isinstance(value, Mapping) and isinstance(given[name], Mapping):
            found += changes(own, given[name], value)
        elif value != given[name]:
            found.append(f"{own}={override_text(value)}")
    return found


def ranking_objective(sweep: SweepFolder, by: str | None) -> tuple[int, str]:
    """Return index and name of the ranking objective: the given one, or the first.

    Raises:
        UserError: there is no objective of that name.
    """
    names = objective_names(sweep.config, len(sweep.objectives.names))
    if by is not None and by not in names:
        raise UserError(
            f"by must be an objective of the sweep, but is {by!r}; {did_you_mean(by, names)}"
        )
    index = 0 if by is None else names.index(by)
    return index, names[index]


def best_trials(sweep: SweepFolder, index: int) -> list[FrozenTrial]:
    """Return the trials to choose from, best first: all complete ones, those that were finalists
    before the others, or the Pareto front for several objectives.

    Raises:
        UserError: No trial is complete.
    """
    trials = sweep.study.get_trials(deepcopy=False)
    usable = [trial for trial in trials if _is_usable(trial)]
    if not usable:
        raise UserError(f"a confirmation needs a complete trial, but {_status_text(sweep, trials)}")
    if sweep.objectives.several:
        front = {trial.number for trial in sweep.study.best_trials}
        usable = [trial for trial in usable if trial.number in front]
    decision = decide_finals(trials, maximize=sweep.objectives.maximizes)
    finalists = [] if decision is None else [one.trial.number for one in decision.finalists]
    place = {number: index for index, number in enumerate(finalists)}
    maximize = sweep.objectives.directions[index] == "maximize"
    return sorted(
        usable,
        key=lambda trial: (
            place.get(trial.number, len(place)),
            rank_key(trial, index, maximize=maximize),
        ),
    )


def _is_usable(trial: FrozenTrial) -> bool:
    """Return whether a trial is complete and not a repetition, which has the result of another
    trial.
    """
    return (
        trial.state == TrialState.COMPLETE
        and kind_of(trial) == "complete"
        and OVERRIDES in trial.user_attrs
        and not is_finalist(trial)
    )


def _status_text(sweep: SweepFolder, trials: list[FrozenTrial]) -> str:
    if not trials:
        return f"{sweep.folder} has no trials yet; run the sweep first"
    kinds = tally(trials, sweep.objectives).kinds
    counted = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()) if count)
    told = [
        trial for trial in trials if kind_of(trial) != "duplicate" and REASON in trial.user_attrs
    ]
    first = f"; the first reason: {told[0].user_attrs[REASON]}" if told else ""
    return f"those of {sweep.folder} are: {counted}{first}; see its sweep.csv"


def _sweep_choice(sweep: SweepFolder) -> list[str]:
    """Return the sweep's choice of `sweeps`, whose settings apply to its trials, also if a preset
    chose it.
    """
    choice = sweep.config.hydra.runtime.choices.get("sweeps")
    return [] if choice is None else [f"sweeps={choice}"]


def _base_overrides(sweep: SweepFolder, baseline: list[str]) -> list[str]:
    """Return the overrides that the sweep's command fixed for all trials, without those of the
    network if the baseline has its own.
    """
    parsed = OverridesParser.create().parse_overrides(sweep.task_overrides)
    fixed = [override for override in parsed if not override.is_sweep_override()]
    if any(_key(text) == "model/net" for text in baseline):
        fixed = [
            override
            for override in fixed
            if not str(override.key_or_group).startswith(("model/net", "model.net."))
        ]
    return [str(override.input_line) for override in fixed]


def merge_overrides(overrides: list[str]) -> list[str]:
    """Return the overrides with only the last of each key, at the position of the first."""
    last: dict[str, str] = {}
    for text in overrides:
        last[_key(text)] = text
    return list(last.values())


def _key(text: str) -> str:
    return text.lstrip("+~").partition("=")[0]
