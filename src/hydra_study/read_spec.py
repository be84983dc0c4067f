"""Read and check the options of a sweep."""

import copy
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict, read_write

from hydra_study.config import PRUNERS, SCHEDULES, StudyConf
from hydra_study.display.live_view import check_view
from hydra_study.errors import StudyError
from hydra_study.launchers import workers_by
from hydra_study.objectives import parse_objectives
from hydra_study.processes.slots import make_slots
from hydra_study.storage.sweep_folder import sweeper_options
from hydra_study.sweep_spec import SweepSpec
from hydra_study.task_function import find_origin
from hydra_study.trials.early_stopping import parse_early_stopping
from hydra_study.trials.finalists import parse_finals
from hydra_study.trials.outcomes import parse_policies
from hydra_study.trials.sampling import build_schedule, check_sampler, find_overruled

log = logging.getLogger("study")

# What replaces the one of the two that the command line overrules.
OFF: dict[str, dict[str, Any]] = {"pruner": PRUNERS["none"], "schedule": SCHEDULES["none"]}


def make_spec(
    context: HydraContext, task_function: TaskFunction, config: DictConfig, arguments: list[str]
) -> SweepSpec:
    """Read and check the options.

    Raises:
        StudyError: An option is wrong.
    """
    options = read_options(config)
    parse_policies(options.policy)
    if options.workers < 1 or options.repeat < 1:
        given = f"workers={options.workers}, repeat={options.repeat}"
        raise StudyError(f"hydra.sweeper.workers and repeat must be at least 1, but got {given}")
    check_view(options.view)
    workers = workers_by(config.hydra)
    workers.check()
    if workers.is_local:
        make_slots(options)
        if options.workers > 1:
            log.warning(
                "hydra/launcher=basic runs one worker, but got hydra.sweeper.workers=%d; start them"
                " by hydra/launcher=joblib, ray or slurm, or run more trials at a time in this one"
                " by hydra.sweeper.slots",
                options.workers,
            )
    script, program = (
        os.path.abspath(sys.argv[0]),
        getattr(sys.modules["__main__"].__spec__, "name", None),
    )
    spec = SweepSpec(
        hydra_context=context,
        task_function=task_function,
        config=config,
        options=options,
        objectives=parse_objectives(options.direction, options.prune_on),
        folder=Path(str(config.hydra.sweep.dir)).absolute(),
        arguments=list(arguments),
        session=f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}-{os.urandom(2).hex()}",
        is_local=workers.is_local,
        script=script,
        module=program,
        origin=find_origin(task_function, script, program),
    )
    check_sampler(spec.options.sampler, spec.objectives)
    build_schedule(spec)
    parse_finals(spec)
    parse_early_stopping(spec)
    return spec


def read_options(config: DictConfig) -> StudyConf:
    """Return the keys of `hydra.sweeper`; a pruner or schedule of a sweep file gives way to the
    other one if that is chosen on the command line.
    """
    options = sweeper_options(config)
    name = find_overruled(options, config.hydra.overrides.hydra)
    if name is not None:
        log.info(
            "the command line's %s replaces the config's %s, since a trial is either paused or"
            " pruned",
            "schedule" if name == "pruner" else "pruner",
            name,
        )
        setattr(options, name, dict(OFF[name]))
    return options


def effective_config(spec: SweepSpec) -> DictConfig:
    """Return a copy of the config with the pruner and the schedule that hold. The config itself
    stays as it was given, since Hydra composes trials only if their sweeper is the sweep's.
    """
    config = copy.deepcopy(spec.config)
    with read_write(config.hydra), open_dict(config.hydra):
        for name, off in OFF.items():
            if getattr(spec.options, name) == off:
                config.hydra.sweeper[name] = dict(off)
    return config
