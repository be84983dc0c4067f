"""One start of a sweep: read the options, open the study, launch the workers, report the result."""

import logging
import os
import signal
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from optuna.trial import FrozenTrial

from hydra_study import attributes
from hydra_study.attributes import kind_of
from hydra_study.config import PRUNERS, SCHEDULES, StudyConf
from hydra_study.display.live_view import check_view, view_from_head
from hydra_study.display.status_text import best_text, kinds_text
from hydra_study.display.tables import Recorder
from hydra_study.errors import StudyError
from hydra_study.interrupts import Interrupts, Overdue, time_limit
from hydra_study.kinds import is_disk_full
from hydra_study.launchers import workers_by
from hydra_study.launchers.worker_task import WorkerTask
from hydra_study.objectives import parse_objectives
from hydra_study.preview import show_preview
from hydra_study.processes.compose import task_config
from hydra_study.processes.observer import observe
from hydra_study.processes.slots import make_slots
from hydra_study.space.grammar import make_space
from hydra_study.space.space import Space
from hydra_study.space.whole_numbers import refuse_floats
from hydra_study.storage.heartbeat import LivenessMonitor
from hydra_study.storage.leftovers import remove_leftovers, remove_unfinished
from hydra_study.storage.locks import locked, write_atomically
from hydra_study.storage.patience import GaveUpWaitingError, is_transient
from hydra_study.storage.storage import OpenStudy, create_study, open_storage
from hydra_study.storage.study_folder import pair_with_folder
from hydra_study.sweep_spec import SweepSpec, WorkerResult
from hydra_study.task_function import find_origin, refuse_unguarded
from hydra_study.trials.averages import check_average, words_of_average
from hydra_study.trials.budget import tally
from hydra_study.trials.changes import check_change, differences_to, fixed_config
from hydra_study.trials.early_stopping import parse_early_stopping
from hydra_study.trials.early_values import early_values, rungs_of
from hydra_study.trials.finalists import FinalsDecision, check_seed, decide_finals, parse_finals
from hydra_study.trials.mistakes import holds_only_mistakes, remove_study
from hydra_study.trials.outcomes import parse_policies
from hydra_study.trials.reap import reap
from hydra_study.trials.sampling import build_schedule, check_sampler, find_overruled
from hydra_study.trials.session import Session
from hydra_study.trials.starting_points import enqueue, prior_points
from hydra_study.trials.tell import Teller

log = logging.getLogger("study")

_STARTS = 4
# Limit on writing the tables of an interrupted sweep, whose storage may not answer.
_CONCLUDE_WITHIN_S = 10.0


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
        write_atomically(spec.paths.config, OmegaConf.to_yaml(config))
    with observe(spec):
        ended = launch(spec, study)
        return conclude(spec, study, ended)


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
        given_ = f"workers={options.workers}, repeat={options.repeat}"
        raise StudyError(f"hydra.sweeper.workers and repeat must be at least 1, but got {given_}")
    check_view(options.view)
    check_sampler(options.sampler)
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
    build_schedule(spec)
    parse_finals(spec)
    parse_early_stopping(spec)
    return spec


def read_options(config: DictConfig) -> StudyConf:
    """Return the keys of `hydra.sweeper`; a pruner or schedule of a sweep file gives way to the
    other one if that is chosen on the command line.
    """
    given = OmegaConf.to_container(config.hydra.sweeper, resolve=True)
    assert isinstance(given, dict)
    options = StudyConf(**{str(key): value for key, value in given.items()})
    name = find_overruled(options, config.hydra.overrides.hydra)
    if name is not None:
        log.info(
            "the command line's %s replaces the config's %s, since a trial is either paused or"
            " pruned",
            "schedule" if name == "pruner" else "pruner",
            name,
        )
        off = dict((PRUNERS if name == "pruner" else SCHEDULES)["none"])
        setattr(options, name, off)
        with read_write(config.hydra), open_dict(config.hydra):
            config.hydra.sweeper[name] = off
    return options


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


def conclude(spec: SweepSpec, study: OpenStudy, ended: list[WorkerResult]) -> list[float] | None:
    """Report the state of the sweep and return the values of the best trial.

    Raises:
        StudyError: A worker could not start, or errors of the task function stopped the sweep.
        SystemExit: A signal ended the sweep.
    """
    mistakes = [end.reason for end in ended if end.is_mistake]
    if mistakes:
        raise StudyError(mistakes[0])
    signals = [end.signal for end in ended if end.signal is not None]
    if not signals:
        return conclude_study(spec, study, ended, signals)
    study.patience.timeout_s = 0.0
    try:
        with time_limit(_CONCLUDE_WITHIN_S):
            return conclude_study(spec, study, ended, signals)
    except (Exception, Overdue) as error:
        if not isinstance(error, (GaveUpWaitingError, Overdue)) and not is_transient(error):
            raise
        log.warning(
            "interrupted while the study's storage does not answer; the same command continues once"
            " it does"
        )
        sys.exit(128 + signals[0])


def conclude_study(
    spec: SweepSpec, study: OpenStudy, ended: list[WorkerResult], signals: list[int]
) -> list[float] | None:
    """Write the tables once more and log the state of the study."""
    Recorder(spec, study).write(force=True)
    trials = study.get_trials(deepcopy=False)
    remove_leftovers(
        spec.paths, trials, LivenessMonitor(spec.paths.workers, spec.options.stale_after)
    )
    count = tally(trials, spec.objectives)
    kinds = kinds_text(count, trials)
    reasons = "; ".join(sorted({end.reason for end in ended}))
    best = f"; {best_text(count.best, spec)}" if count.best is not None else ""
    log.info("study %s: %s (%s)%s", study.study_name, reasons, kinds or "no trials", best)
    if signals:
        log.info("the same command continues from here")
        sys.exit(128 + signals[0])
    decision = decide_finals(trials, maximize=spec.objectives.maximizes)
    for line in closing_lines(spec, trials, count.best, decision):
        log.info("%s", line)
    stopped = Session(study, spec).stop_reason()
    if stopped:
        raise StudyError(
            f"the sweep stopped: {stopped}.{_first_error(Session(study, spec).first_error())}"
        )
    errors = [trial for trial in trials if kind_of(trial) == "error"]
    if count.best is None and errors:
        log.warning(
            "no trial has a value, and %d ended with errors.%s",
            len(errors),
            _first_error(errors[0]),
        )
    if decision is not None:
        return [decision.winner.mean]
    return None if count.best is None else list(count.best.values)


def closing_lines(
    spec: SweepSpec,
    trials: Sequence[FrozenTrial],
    best: FrozenTrial | None,
    decision: FinalsDecision | None,
) -> list[str]:
    """Return what is known of the noise of the best trial, of the finalists and of early values,
    and the first trial's remarks.
    """
    averaged = None if best is None else words_of_average(best)
    lines = [] if averaged is None else [averaged]
    remarks = (trial.user_attrs.get(attributes.REMARKS, []) for trial in trials)
    lines += [f"warning: {text}" for text in next(filter(None, remarks), [])]
    lines += [] if decision is None else decision.lines()
    known = early_values(
        trials,
        maximize=spec.objectives.reported_direction == "maximize",
        **rungs_of(spec.options.schedule, spec.options.pruner),
    )
    if known is not None and spec.options.average_over is None:  # whose steps are trainings
        lines.append(known.text())
    return lines


def _first_error(trial: FrozenTrial | None) -> str:
    if trial is None:
        return ""
    text = trial.user_attrs.get(attributes.TRACEBACK) or trial.user_attrs.get(attributes.REASON)
    return f" The first of them, trial {trial.number}:\n{text}"
