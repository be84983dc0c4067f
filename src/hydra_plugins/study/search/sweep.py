"""One start of a sweep: read the options, open the study, launch the workers, say how it ended."""

import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf
from optuna.trial import FrozenTrial

from hydra_plugins.study.config import StudyConf

from . import attributes
from .budget import tally
from .change import check_space
from .errors import StudyError
from .heartbeat import Watch
from .launch import WorkerTask, make_space
from .locks import locked, write_atomically
from .objectives import parse_objectives
from .outcomes import parse_policies
from .reap import reap
from .recipe import Recipe
from .session import Session
from .settle import Settler
from .slots import make_slots
from .space import Space
from .starting_points import enqueue
from .storage import OpenStudy, create_study, open_storage

log = logging.getLogger("study")


def sweep(
    context: HydraContext, task_function: TaskFunction, config: DictConfig, options: dict[str, Any], arguments: list[str]
) -> Any:
    """Run the sweep of a command line and return the best values.

    Raises:
        StudyError: An option is wrong, or errors of the task function stopped the sweep.
    """
    HydraConfig.instance().set_config(config)
    recipe = make_recipe(context, task_function, config, arguments)
    space = make_space(recipe)
    recipe.first = space.at({}).overrides
    context.config_loader.load_sweep_config(config, list(recipe.first))
    recipe.layout.make()
    write_atomically(recipe.folder / "multirun.yaml", OmegaConf.to_yaml(config))
    study = prepare(recipe, space)
    ended = launch(recipe)
    return conclude(recipe, study, ended)


def make_recipe(context: HydraContext, task_function: TaskFunction, config: DictConfig, arguments: list[str]) -> Recipe:
    """Read and check the options.

    Raises:
        StudyError: An option is wrong.
    """
    given = OmegaConf.to_container(config.hydra.sweeper, resolve=True)
    assert isinstance(given, dict)
    options = StudyConf(**{str(key): value for key, value in given.items()})
    parse_policies(options.policy)
    if options.workers < 1 or options.repeat < 1:
        given_ = f"workers={options.workers}, repeat={options.repeat}"
        raise StudyError(f"hydra.sweeper.workers and repeat must be at least 1, but got {given_}")
    if "basic" in str(config.hydra.launcher._target_):
        make_slots(options)
    return Recipe(
        hydra_context=context,
        task_function=task_function,
        config=config,
        options=options,
        objectives=parse_objectives(options.direction, options.prune_on),
        folder=Path(str(config.hydra.sweep.dir)).absolute(),
        arguments=list(arguments),
        session=f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}-{os.urandom(2).hex()}",
    )


def prepare(recipe: Recipe, space: Space) -> OpenStudy:
    """Open the study, refuse a changed space, reap the trials of dead workers, queue the starting points."""
    options, layout = recipe.options, recipe.layout
    with locked(layout.ask_lock):
        study = create_study(open_storage(options.storage, layout, options.workers), options.study_name, recipe.objectives)
        folder = study.user_attrs.get(attributes.STUDY_FOLDER, str(recipe.folder))
        check_space(study, space.describe(), options.changed_space)
        if folder == str(recipe.folder):
            study.set_user_attr(attributes.STUDY_FOLDER, folder)
        settler = Settler(study, layout, parse_policies(options.policy), options.checkpoint)
        reaped = reap(study, layout, settler, Watch(layout.workers, options.stale_after))
        enqueue(study, space, recipe)
    if reaped:
        log.info("reaped the trials of dead workers: %s", ", ".join(map(str, reaped)))
    return study


def launch(recipe: Recipe) -> list[Any]:
    """Let Hydra's launcher start the workers, and return how each of them ended."""
    launcher = Plugins.instance().instantiate_launcher(
        hydra_context=recipe.hydra_context, task_function=WorkerTask(recipe), config=recipe.config
    )
    place = f"hydra.sweep.subdir=.study/jobs/{recipe.session}/${{hydra.job.num}}"
    done = launcher.launch([[*recipe.first, place] for _ in range(recipe.options.workers)], initial_job_idx=0)
    return [job.return_value for job in done]


def conclude(recipe: Recipe, study: OpenStudy, ended: list[Any]) -> list[float] | None:
    """Say how the sweep stands and return the best values; leave by the signal's code if there was one.

    Raises:
        StudyError: Errors of the task function stopped the sweep.
    """
    count = tally(study.get_trials(deepcopy=False), recipe.objectives)
    kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(count.kinds.items()) if number)
    reasons = "; ".join(sorted({end.reason for end in ended}))
    log.info("study %s: %s (%s)", study.study_name, reasons, kinds or "no trials")
    signals = [end.signal for end in ended if end.signal is not None]
    if signals:
        log.info("the same command goes on from here")
        sys.exit(128 + signals[0])
    stopped = Session(study, recipe).stopped()
    if stopped:
        raise StudyError(f"the sweep stopped: {stopped}.{_first_error(Session(study, recipe).first_error())}")
    return None if count.best is None else list(count.best.values)


def _first_error(trial: FrozenTrial | None) -> str:
    if trial is None:
        return ""
    text = trial.user_attrs.get(attributes.TRACEBACK) or trial.user_attrs.get(attributes.REASON)
    return f" The first of them, trial {trial.number}:\n{text}"
