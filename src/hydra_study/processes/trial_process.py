"""The process of a trial: compose, check, run the task function, write and report the outcome."""

import contextlib
import ctypes
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from hydra_study import trial
from hydra_study.dotted_path import locate
from hydra_study.kinds import is_disk_full
from hydra_study.processes.compose import compose, task_config
from hydra_study.processes.messages import Channel
from hydra_study.processes.trainings import train_once, train_repeatedly
from hydra_study.space.canonical import canonical_hash, key_of
from hydra_study.sweep_spec import Job, SweepSpec
from hydra_study.trials.outcomes import (
    Outcome,
    outcome_of_exception,
    read_outcome,
    write_outcome,
)

_PR_SET_PDEATHSIG = 1
_WAIT_FOR_ROOM_S = 600.0
# Bytes that must be free on the disk before a trial starts.
_ROOM = 2**17
# They ask a trial to end.
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)


def run_trial_process(
    job: Job, sock: socket.socket, parent: int, prepare: Callable[[], SweepSpec]
) -> None:
    """Run one trial in a forked process, which ends after it. The process blocks `STOP_SIGNALS`.

    Args:
        job: The trial.
        sock: Socket to the worker.
        parent: Process id of the fork server.
        prepare: Finishes the imports and returns the spec.
    """
    started = time.monotonic()
    channel = Channel(sock)
    with contextlib.suppress(BaseException):  # a signal before the task function or after it
        _enter_process(job, parent)
        spec, outcome = None, None
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
            spec = prepare()
            outcome = _run(spec, job, channel)
        except BaseException as error:
            outcome = outcome_of_exception(error)
        _ignore_signals()
        outcome.seconds = time.monotonic() - started
        outcome.stopped = _asked_to_stop
        outcome.peak_memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        if spec is not None:
            _write(spec, outcome, spec.paths.trial(job.number))
        if outcome.traceback:
            # the disk may be full, or the task function may have closed stderr
            with contextlib.suppress(OSError):
                sys.stderr.write(outcome.traceback)
                sys.stderr.flush()
        channel.send({"type": "end", "outcome": outcome.as_dict()})
    _ignore_signals()


def _write(spec: SweepSpec, outcome: Outcome, folder: Path) -> None:
    if folder.is_dir() and outcome.kind != "duplicate":
        with contextlib.suppress(OSError):
            write_outcome(spec, folder / "outcome.json", outcome)


def _run(spec: SweepSpec, job: Job, channel: Channel) -> Outcome:
    global _running
    folder = spec.paths.trial(job.number)
    config = compose(spec, job)
    attributes = check(spec, config)
    identity = _identity(spec, job, config)
    answer = channel.ask({"type": "ready", "hash": identity, "attributes": attributes})
    if not answer["go"]:
        return Outcome("duplicate")
    _wait_for_room(folder, channel)
    folder.mkdir(exist_ok=job.continues)
    _running = (spec, job.number, spec.session)
    _redirect(folder / "console.log")
    job.overrides += _add_to_seed(config, spec.options.seed_key, answer["repetition"])
    checked = {spec.options.check: attributes} if spec.options.check is not None else {}
    if spec.options.average_over is not None:
        known, former = answer["trainings"], answer["retry_of"]
        return train_repeatedly(spec, job, config, folder, channel, checked, known, former)
    connection = trial.TrialConnection(
        job.number, spec.options.study_name, str(folder), job.checkpoint, channel, checked
    )
    return train_once(spec, job, config, folder, connection)


def _identity(spec: SweepSpec, job: Job, config: DictConfig) -> str:
    """Return the hash by which duplicates of the trial are found."""
    path = spec.options.canonical
    form = None if path is None else locate(path, "hydra.sweeper.canonical")
    searched = {key_of(text) for text in (*spec.options.params, *spec.arguments)}
    varied = [text for text in job.overrides if text not in spec.fixed and key_of(text) in searched]
    return canonical_hash(task_config(config), spec.options.ignore, form, varied)


def _wait_for_room(folder: Path, channel: Channel) -> None:
    """Wait up to 10 minutes while the disk is full, on which a trial could only fail."""
    probe = folder.with_name(f".{folder.name}.{os.getpid()}")
    end = time.monotonic() + _WAIT_FOR_ROOM_S
    while True:
        try:
            probe.write_bytes(b"\0" * _ROOM)
            return
        except OSError as error:
            if not is_disk_full(error) or time.monotonic() > end:
                raise
        finally:
            probe.unlink(missing_ok=True)
        channel.send({"type": "alive"})
        time.sleep(0.5)


def check(spec: SweepSpec, config: DictConfig) -> dict[str, Any]:
    """Return the result of `hydra.sweeper.check`, which raises for an infeasible config."""
    if spec.options.check is None:
        return {}
    return dict(locate(spec.options.check, "hydra.sweeper.check")(task_config(config)) or {})


def _add_to_seed(config: DictConfig, key: str, repetition: int) -> list[str]:
    """Add the number of the repetition to the seed in the config; return that as overrides."""
    seed = OmegaConf.select(config, key)
    if not repetition or not isinstance(seed, int):
        return []
    with open_dict(config):
        OmegaConf.update(config, key, seed + repetition)
    return [f"{key}={seed + repetition}"]


_asked_to_stop = False
# The sweep, the trial of this process and the start of the sweep, once the trial has files.
_running: tuple[SweepSpec, int, str] | None = None


def _stop(signum: int, frame: Any) -> None:
    global _asked_to_stop
    if not _asked_to_stop:
        _asked_to_stop = True
        # the worker writes an outcome before it closes a trial for a time limit
        end = None if _running is None else read_outcome(*_running)
        if end is None:
            raise trial.Stopped("a signal ended the trial")
        raise trial.Stopped(end.reason, end.kind)


def _ignore_signals() -> None:
    for signum in STOP_SIGNALS:
        signal.signal(signum, signal.SIG_IGN)


def _enter_process(job: Job, parent: int) -> None:
    os.setsid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    # Lightning would turn a KeyboardInterrupt into an exit code
    for signum in STOP_SIGNALS:
        signal.signal(signum, _stop)
    os.environ.update(job.environment)
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(job.threads)))
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(job.threads)
    _redirect(Path(os.devnull))


def _redirect(path: Path) -> None:
    """Redirect stdout and stderr to `path`, and stdin to nothing: the terminal is the sweep's."""
    sys.stdout.flush()
    sys.stderr.flush()
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    empty = os.open(os.devnull, os.O_RDONLY)
    for source, number in ((empty, 0), (target, 1), (target, 2)):
        os.dup2(source, number)
    os.close(target)
    os.close(empty)
