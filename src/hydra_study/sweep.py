"""One start of a sweep: read the options, open the study, launch the workers, report the result."""

import logging
import signal
import sys
from collections.abc import Iterable
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from hydra_study.conclusion import conclude
from hydra_study.display.live_view import view_from_head
from hydra_study.errors import StudyError
from hydra_study.interrupts import Interrupts
from hydra_study.kinds import is_disk_full
from hydra_study.launchers import workers_by
from hydra_study.launchers.worker_task import WorkerTask
from hydra_study.preview import show_preview
from hydra_study.processes.compose import task_config
from hydra_study.processes.observer import observe
from hydra_study.read_spec import effective_config, make_spec
from hydra_study.space.grammar import make_space
from hydra_study.space.space import Space
from hydra_study.space.whole_numbers import refuse_floats
from hydra_study.storage.heartbeat import LivenessMonitor
from hydra_study.storage.leftovers import remove_leftovers, remove_unfinished
from hydra_study.storage.locks import locked, write_atomically
from hydra_study.storage.storage import OpenStudy, create_study, open_storage
from hydra_study.storage.study_folder import pair_with_folder
from hydra_study.sweep_spec import SweepSpec, WorkerResult
from hydra_study.task_function import refuse_unguarded
from hydra_study.trials.averages import check_average
from hydra_study.trials.budget import tally
from hydra_study.trials.changes import check_change, differences_to, fixed_config
from hydra_study.trials.finalists import check_seed
from hydra_study.trials.mistakes import holds_only_mistakes, remove_study
from hydra_study.trials.outcomes import parse_policies
from hydra_study.trials.reap import reap
from hydra_study.trials.starting_points import enqueue, prior_points
from hydra_study.trials.tell import Teller

log = logging.getLogger("study")

_STARTS = 4


def sweep(
    context: HydraContext,
    task_function: TaskFunction,
    config: DictConfig,
    options: dict[str, Any],
    arguments: list[str],
) -> Any:
    """Run the sweep of a command line.

    Returns:
        The values of the best trial, or None if no trial is complete.

    Raises:
        StudyError: An option is wrong, or errors of the task function stopped the sweep.
    """
    refuse_unguarded(sys.argv)
    interrupts = Interrupts(most=0)
    try:
        with interrupts:
            return run_sweep(context, task_function, config, arguments)
    except OSError as error:
        if not is_disk_full(error):
            raise
        place = error.filename or config.hydra.sweep.dir
        raise StudyError(
            f"a sweep needs room for its files, but the disk of {place} is full; free some and"
            " start again"
        ) from error
    except KeyboardInterrupt:  # outside of the workers' loops, or one more than they count
        log.info("interrupted; the same command continues from here")
        sys.exit(128 + (interrupts.signal or signal.SIGINT))


def run_sweep(
    context: HydraContext, task_function: TaskFunction, config: DictConfig, arguments: list[str]
) -> Any:
    """Prepare the sweep, launch its workers, and conclude it."""
    HydraConfig.instance().set_config(config)
    spec = make_spec(context, task_function, config, arguments)
    space = make_space(spec)
    point = space.at({})
    spec.first, spec.fixed = point.overrides, space.fixed_overrides()
    spec.prior = prior_points(space, spec)

    def compose(overrides: Iterable[str]) -> DictConfig:
        texts = list(overrides)  # composing takes some tenths of a second
        of_point = context.config_loader.load_sweep_config(config, texts) if texts else config
        return task_config(of_point)

    first = compose(spec.first)
    refuse_floats(space, point, compose)
    check_seed(spec, first)
    check_average(spec, first)
    if spec.options.preview is not None:
        show_preview(spec, space, compose)
        return None
    spec.paths.make()
    study = prepare(spec, space, first)
    with locked(spec.paths.ask_lock):
        remove_unfinished(spec.paths.config)
        write_atomically(spec.paths.config, OmegaConf.to_yaml(effective_config(spec)))
    with observe(spec):
        ended = launch(spec, study)
        return conclude(spec, study, ended)


def prepare(spec: SweepSpec, space: Space, first: DictConfig) -> OpenStudy:
    """Open the study, refuse a changed space or config, queue the starting points, and reap the
    trials of dead workers.
    """
    options, paths = spec.options, spec.paths
    with locked(paths.ask_lock):
        storage = open_storage(
            options.storage, paths, options.workers, timeout_s=options.storage_timeout
        )
        study = create_study(storage, options.study_name, spec.objectives)
        fixed = fixed_config(first, [*options.ignore, *options.may_change])
        if differences_to(study, space.describe(), fixed) and holds_only_mistakes(
            study, paths, LivenessMonitor(paths.workers, options.stale_after)
        ):
            log.info(
                "nothing was trained in study %s, and its config has changed, so it begins anew",
                study.study_name,
            )
            remove_study(study, paths)
            study = create_study(storage, options.study_name, spec.objectives)
        spec.study_id = pair_with_folder(study, spec)
        check_change(study, space.describe(), fixed, options.changed)
        enqueue(study, space, spec)
    count = tally(study.get_trials(deepcopy=False), spec.objectives)
    is_full = options.n_trials is not None and count.charged >= options.n_trials
    log.info(
        "study %s in %s: %d%s trials done%s",
        options.study_name,
        spec.folder,
        count.charged,
        "" if options.n_trials is None else f" of {options.n_trials}",
        "; for more, set a larger hydra.sweeper.n_trials" if is_full else "",
    )
    reap_dead(spec, study)
    return study


def launch(spec: SweepSpec, study: OpenStudy) -> list[WorkerResult]:
    """Run the worker in this process, or start workers by Hydra's launcher, again if it loses one,
    and return their results.
    """
    workers = workers_by(spec.config.hydra)
    if workers.is_local:
        return [WorkerTask(spec).run(0)]
    place = f"hydra.sweep.subdir=.study/jobs/{spec.session}/${{hydra.job.num}}"
    jobs = [[*spec.first, place] for _ in range(spec.options.workers)]
    with Interrupts(most=1) as interrupts:
        for start in range(_STARTS):
            with view_from_head(spec, interrupts):
                try:
                    done = workers.launch(spec, jobs, start * len(jobs), interrupts)
                    return [*(job.return_value for job in done), *interruptions(interrupts)]
                except StudyError:
                    raise
                except (Exception, KeyboardInterrupt) as error:
                    if interrupts.count > 1 or (start + 1 == _STARTS and not interrupts.count):
                        raise
                    lost = f"{type(error).__name__}: {error}"
            reap_dead(spec, study)
            if interrupts.count:
                break
            log.warning("the launcher lost a worker, starting all of them again: %s", lost)
    return interruptions(interrupts)


def interruptions(interrupts: Interrupts) -> list[WorkerResult]:
    """Return the result of a sweep that was interrupted in this process, not in its workers."""
    return [WorkerResult("interrupted", interrupts.signal)] if interrupts.count else []


def reap_dead(spec: SweepSpec, study: OpenStudy) -> None:
    """Tell the outcomes of the trials of dead workers, so that they can be retried."""
    options, paths = spec.options, spec.paths
    teller = Teller(study, paths, parse_policies(options.policy), options.checkpoint)
    watch = LivenessMonitor(paths.workers, options.stale_after)
    with locked(paths.ask_lock):
        reaped = reap(study, spec, teller, watch)
        remove_leftovers(paths, study.get_trials(deepcopy=False), watch)
    if reaped:
        log.info("reaped the trials of dead workers: %s", ", ".join(map(str, reaped)))
