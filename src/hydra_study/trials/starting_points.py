"""Points to try first: given values, presets of the config, and the best of earlier sweeps."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.errors import ConfigCompositionException
from omegaconf import OmegaConf
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from hydra_study import attributes
from hydra_study.attributes import kind_of
from hydra_study.config import SAMPLERS
from hydra_study.errors import StudyError
from hydra_study.paths import SweepPaths
from hydra_study.space.parameters import holds
from hydra_study.space.space import Space
from hydra_study.storage.journal import read_journal
from hydra_study.storage.storage import OpenStudy, open_study
from hydra_study.storage.sweep_folder import open_sweep_folder
from hydra_study.sweep_spec import SweepSpec
from hydra_study.trials.finalists import best_of_search, decide_finals


def enqueue(study: OpenStudy, space: Space, spec: SweepSpec) -> None:
    """Queue the points of `hydra.sweeper.prior` and `hydra.sweeper.enqueue` that were not queued
    before.

    Raises:
        StudyError: An entry has no parameter of the space, a value outside of it, or another form.
    """
    done = study.user_attrs.get(attributes.STUDY_ENQUEUED, [])
    options = {"prior": spec.options.prior, "enqueue": spec.options.enqueue}
    for option, entries in options.items():
        for entry in entries:
            if entry in done:
                continue
            for values in points_of(entry, space, spec, option):
                study.enqueue_trial(values)
            done = [*done, entry]
    study.set_user_attr(attributes.STUDY_ENQUEUED, done)


def prior_points(space: Space, spec: SweepSpec) -> list[dict[str, Any]]:
    """Return the points of `hydra.sweeper.prior`.

    Raises:
        StudyError: An entry has no parameter of the space, a value outside of it, or another form;
            or all points of the space are tried.
    """
    entries = spec.options.prior
    if entries and spec.options.sampler.get("_target_") == SAMPLERS["grid"]["_target_"]:
        raise StudyError(
            "hydra.sweeper.prior says where a sampler draws, but hydra/sweeper/sampler=grid tries"
            " all points; choose another sampler, or hydra.sweeper.prior=[]"
        )
    return [point for entry in entries for point in points_of(entry, space, spec, "prior")]


def points_of(
    entry: Any, space: Space, spec: SweepSpec, option: str = "enqueue"
) -> list[dict[str, Any]]:
    """Return the points that an entry of `hydra.sweeper.enqueue` or `prior` names.

    Raises:
        StudyError: It has no parameter of the space, a value outside of it, or another form.
    """
    if isinstance(entry, Mapping):
        unknown = sorted(set(entry) - set(space.searched))
        outside = [
            key
            for key, value in entry.items()
            if key not in unknown and not holds(space.searched[key], value)
        ]
        if unknown or outside:
            rule = "a starting point must give values inside of the space"
            raise StudyError(
                f"hydra.sweeper.{option}: {rule}, but {', '.join(unknown + outside)} of"
                f" {dict(entry)} does not"
            )
        return [dict(entry)]
    if isinstance(entry, str) and Path(entry).is_dir():
        return points_of_sweep(Path(entry), space, option)
    if isinstance(entry, str) and Path(entry).is_file():
        return [_of_file(Path(entry), space, option)]
    overrides = (
        [entry] if isinstance(entry, str) else list(entry) if isinstance(entry, Sequence) else []
    )
    if overrides and all("=" in str(override) for override in overrides):
        return [_of_preset(overrides, space, spec, option)]
    raise StudyError(
        f"hydra.sweeper.{option} takes mappings, overrides, folders of sweeps and their best.yaml,"
        f" but got {entry!r}"
    )


def _of_file(path: Path, space: Space, option: str) -> dict[str, Any]:
    """Return the values that a sweep's best.yaml sets; it has no `$variables`."""
    content = OmegaConf.to_container(OmegaConf.load(path))
    assert isinstance(content, dict)
    found: dict[str, Any] = {}
    for choice in content.pop("defaults", []):
        if isinstance(choice, Mapping):
            found |= {
                str(group).removeprefix("override ").lstrip("/"): name
                for group, name in choice.items()
            }
    found |= dict(_leaves(content))
    values = {
        name: found[name]
        for name, distribution in space.searched.items()
        if name in found and holds(distribution, found[name])
    }
    if not values:
        raise StudyError(f"hydra.sweeper.{option}: {path} has no value inside of the space")
    return values


def _leaves(content: Mapping[Any, Any], place: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{place}{key}.")
        else:
            yield f"{place}{key}", value


def _of_preset(overrides: list[str], space: Space, spec: SweepSpec, option: str) -> dict[str, Any]:
    """Return a preset's values of the searched parameters, composed with the fixed overrides."""
    given = dict(override.split("=", 1) for override in overrides)
    same = [
        text for text in space.fixed_overrides() if text.partition("=")[0].lstrip("+~") not in given
    ]
    load = spec.hydra_context.config_loader.load_sweep_config
    try:
        config = load(spec.config, [*same, *overrides])
    except ConfigCompositionException:  # a fixed key may exist only in the searched group options
        config = load(spec.config, [*overrides])
    choices = config.hydra.runtime.choices
    values = {}
    for name, distribution in space.searched.items():
        value = (
            given.get(name, choices[name]) if name in choices else OmegaConf.select(config, name)
        )
        if value is not None and holds(distribution, value):
            values[name] = value
    if not values:
        raise StudyError(
            f"hydra.sweeper.{option}: the preset {overrides} has no value inside of the space"
        )
    return values


def points_of_sweep(folder: Path, space: Space, option: str = "enqueue") -> list[dict[str, Any]]:
    """Return the best point(s) of an earlier sweep, restricted to the parameters of this space.

    Raises:
        StudyError: There is no such point.
    """
    points = []
    for study in _studies(folder, option):
        for trial in _best_trials(study):
            shared = {key: value for key, value in trial.params.items() if key in space.searched}
            points.append(
                {key: value for key, value in shared.items() if holds(space.searched[key], value)}
            )
    if not any(points):
        raise StudyError(
            f"hydra.sweeper.{option}: the sweep in {folder} has no complete trial with parameters"
            " of this space"
        )
    return [point for point in points if point]


def _best_trials(study: OpenStudy) -> list[FrozenTrial]:
    """Return the winner of the finalists, or else of the search; or the Pareto front."""
    if len(study.directions) > 1:
        return [trial for trial in study.best_trials if kind_of(trial) == "complete"]
    trials = study.get_trials(deepcopy=False)
    maximize = study.direction == StudyDirection.MAXIMIZE
    decision = decide_finals(trials, maximize=maximize)
    if decision is not None:
        return [decision.winner.trial]
    return best_of_search(trials, maximize=maximize)[:1]


def _studies(folder: Path, option: str) -> list[OpenStudy]:
    """Return the study of a sweep; if its config is missing, all studies of its journal."""
    paths = SweepPaths(folder)
    if paths.config.is_file():
        return [open_sweep_folder(folder).study]
    if not paths.journal.is_file():
        raise StudyError(
            f"hydra.sweeper.{option} takes folders of sweeps, but {folder} holds no sweep; name"
            " multirun/<study>"
        )
    storage = read_journal(paths.journal)
    return [open_study(storage, study.study_name) for study in storage.get_all_studies()]
