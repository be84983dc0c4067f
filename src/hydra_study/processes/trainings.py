"""The trainings of a trial in its process: one, or several whose mean is the trial's value."""

import contextlib
import copy
import gc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

from hydra.core.utils import run_job
from omegaconf import DictConfig, OmegaConf, open_dict

from hydra_study import trial
from hydra_study.attributes import TRAININGS
from hydra_study.objectives import Objectives
from hydra_study.processes.compose import place, set_plain_arguments
from hydra_study.processes.messages import Channel
from hydra_study.sweep_spec import Job, SweepSpec
from hydra_study.trials.outcomes import Outcome, outcome_of_result

Values = list[list[float]]


def train_once(
    spec: SweepSpec, job: Job, config: DictConfig, folder: Path, connection: trial.TrialConnection
) -> Outcome:
    """Run the task function with a config in a folder, and return its outcome."""
    place(config, str(folder))
    set_plain_arguments(spec, job, str(folder))
    trial.enter(connection)
    done = run_job(
        task_function=spec.task_function,
        config=config,
        job_dir_key="hydra.run.dir",
        job_subdir_key=None,
        hydra_context=spec.hydra_context,
    )
    # `return_value` raises the task function's exception, if any
    return outcome_of_result(done.return_value, spec.objectives.names)


def train_repeatedly(
    spec: SweepSpec,
    job: Job,
    config: DictConfig,
    folder: Path,
    channel: Channel,
    checked: dict[str, Any],
    known: Values,
    former: int | None,
) -> Outcome:
    """Train `hydra.sweeper.repeat` times, counting up the key `average_over`; report the value of
    each training as a step, and return the mean.

    Args:
        spec: The sweep.
        job: The trial.
        config: Its config, at the first value of the key.
        folder: The trial's folder, in which each training has one.
        channel: Channel to the worker.
        checked: Result of the check.
        known: Values of the trainings that the trial did before it was killed or paused.
        former: Number of the trial that it retries, whose trainings it takes over.

    Raises:
        Pruned: A report has stopped the trial.
    """
    key = spec.options.average_over
    assert key is not None
    values: Values = []
    connection = trial.TrialConnection(
        job.number, spec.options.study_name, str(folder), None, channel, checked
    )
    first = OmegaConf.select(config, key)
    for step in range(1, spec.options.repeat + 1):
        value = first + step - 1
        own = folder / f"{key.rpartition('.')[2]}{value}"  # as `fold2`
        if step <= len(known):
            _take_over(spec, former, own)
            values.append(known[step - 1])
        else:
            outcome = _train_one(spec, job, config, key, value, own, connection)
            if outcome.values is None:
                return replace(outcome, reason=f"{key}={value}: {outcome.reason}")
            values.append(outcome.values)
            connection.set_attrs(**{TRAININGS: values})
        is_last = step == spec.options.repeat
        if connection.report(step, _compared_value(values[-1], spec.objectives), is_last=is_last):
            raise trial.Pruned(f"stopped after {step} of {spec.options.repeat} trainings")
    return Outcome("complete", values=[fmean(column) for column in zip(*values, strict=True)])


def _train_one(
    spec: SweepSpec,
    job: Job,
    config: DictConfig,
    key: str,
    value: int,
    folder: Path,
    connection: trial.TrialConnection,
) -> Outcome:
    own = copy.deepcopy(config)
    with open_dict(own):
        OmegaConf.update(own, key, value)
    # a checkpoint of another training would be that of other data
    is_own = job.checkpoint is not None and folder.name in Path(job.checkpoint).parts
    part = trial.TrialConnection(
        job.number,
        spec.options.study_name,
        str(folder),
        job.checkpoint if is_own else None,
        connection.channel,
        connection.checked,
        reports_steps=False,
    )
    overrides = [text for text in job.overrides if text.partition("=")[0] != key]
    try:
        return train_once(
            spec, replace(job, overrides=[*overrides, f"{key}={value}"]), own, folder, part
        )
    finally:
        trial.leave()
        trial.enter(connection)
        gc.collect()  # the network of this training, before the next one is built


def _take_over(spec: SweepSpec, former: int | None, own: Path) -> None:
    """Move the folder of a finished training of the trial that this one retries to its own."""
    if former is not None and not own.exists():
        with contextlib.suppress(OSError):  # it only lacks in the trial's folder
            (spec.paths.trial(former) / own.name).rename(own)


def _compared_value(values: Sequence[float], objectives: Objectives) -> float:
    """Return the value of the objective that pruning compares."""
    index = 0 if objectives.prune_on is None else objectives.names.index(objectives.prune_on)
    return values[index]
