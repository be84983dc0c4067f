"""The process of a trial: compose, check, ask for leave, run the task function, write how it ended; then the next one."""

import atexit
import contextlib
import ctypes
import json
import os
import resource
import signal
import socket
import sys
import time
import weakref
from pathlib import Path
from typing import Any

from hydra.core.utils import JobStatus, run_job
from omegaconf import DictConfig, OmegaConf, open_dict

from hydra_plugins.study import trial as link

from .canonical import canonical_hash
from .compose import compose, place, set_plain_arguments, task_config
from .lessons import Lesson
from .load import locate
from .locks import write_atomically
from .messages import Channel
from .outcomes import UNCHARGED, Outcome, of_exception, of_result
from .prepared import Prepared
from .recipe import Job, Recipe
from .surroundings import Surroundings

_PR_SET_PDEATHSIG = 1
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def run_child(recipe: Recipe, prepared: Prepared, job: Job, sock: socket.socket, lesson: Lesson, parent: int) -> None:
    """Be one trial after the other, from the fork to the end of the process; never returns."""
    lesson.begin()
    channel = Channel(sock)
    with contextlib.suppress(BaseException):  # asked to close while it waits
        _enter_process(job, parent)
        surroundings = Surroundings()
        while _try(recipe, prepared, job, channel, surroundings):
            job = _next_job(channel)
    _let_signals_pass()
    with contextlib.suppress(BaseException):
        lesson.tell()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(0)


def _try(recipe: Recipe, prepared: Prepared, job: Job, channel: Channel, surroundings: Surroundings) -> bool:
    """Be one trial and say how it ended; return whether the process waits for another one."""
    started = time.monotonic()
    folder = recipe.layout.trial(job.number)
    try:
        outcome = _run(recipe, prepared, job, channel, folder)
    except BaseException as error:
        outcome = of_exception(error)
    _let_signals_pass()
    link.leave()
    outcome.seconds = time.monotonic() - started
    outcome.stopped = _asked_to_stop
    outcome.peak_memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if folder.is_dir() and outcome.kind != "duplicate":
        with contextlib.suppress(OSError):
            write_atomically(folder / "outcome.json", json.dumps(outcome.as_dict(), default=str))
    if outcome.traceback:
        sys.stderr.write(outcome.traceback)
    waits = not _asked_to_stop and _renew(recipe, outcome, folder, surroundings)
    if waits:
        surroundings.restore_signals()
    channel.send({"say": "end", "outcome": outcome.as_dict(), "waits": waits, "pid": os.getpid()})
    return waits


def _renew(recipe: Recipe, outcome: Outcome, folder: Path, surroundings: Surroundings) -> bool:
    """Make the process as good as new and return True, if that is possible and worth it.

    Where a network was not trained there is nothing to do. What has trained takes further trials while it is young: for short
    ones a fork, the pages that it copies, and all that a library does at its first use cost more than the training.
    """
    if outcome.kind in UNCHARGED and not folder.is_dir():
        return True
    young = surroundings.age() < recipe.options.fresh_after
    if not young or outcome.kind not in ("complete", "pruned") or not surroundings.can_be_restored():
        return False
    try:
        surroundings.restore()
        _redirect(Path(os.devnull))
    except Exception:
        return False
    return True


def _next_job(channel: Channel) -> Job:
    """Wait for the next job.

    Raises:
        EOFError: There is none; the worker has let go of this process.
    """
    while True:
        messages, is_open = channel.receive()
        if messages:
            return Job(**messages[0]["job"])
        if not is_open:
            raise EOFError


def _run(recipe: Recipe, prepared: Prepared, job: Job, channel: Channel, folder: Path) -> Outcome:
    config = compose(prepared, job)
    facts = check(recipe, config)
    form = locate(recipe.options.canonical, "hydra.sweeper.canonical") if recipe.options.canonical else None
    identity = canonical_hash(task_config(config), recipe.options.ignore, form)
    answer = channel.ask({"say": "ready", "hash": identity, "facts": facts})
    if not answer["go"]:
        return Outcome("duplicate")
    folder.mkdir()
    _redirect(folder / "console.log")
    job.overrides += _other_seed(config, recipe.options.seed_key, answer["repetition"])
    place(config, str(folder))
    set_plain_arguments(recipe, job, str(folder))
    checked = {recipe.options.check: facts} if recipe.options.check is not None else {}
    link.enter(link.Link(job.number, recipe.options.study_name, str(folder), job.checkpoint, channel, checked))
    done = run_job(
        task_function=recipe.task_function,
        config=config,
        job_dir_key="hydra.run.dir",
        job_subdir_key=None,
        hydra_context=recipe.hydra_context,
    )
    if done.status == JobStatus.FAILED:
        return of_exception(done._return_value)
    return of_result(done._return_value, recipe.objectives.names)


def check(recipe: Recipe, config: DictConfig) -> dict[str, Any]:
    """Return what the sweep's check has to say of a config; it raises where the config cannot be a trial."""
    if recipe.options.check is None:
        return {}
    return dict(locate(recipe.options.check, "hydra.sweeper.check")(task_config(config)) or {})


def _other_seed(config: DictConfig, key: str, repetition: int) -> list[str]:
    """Give the k-th training of one network the k-th seed after its own, and return the override that says so."""
    seed = OmegaConf.select(config, key)
    if not repetition or not isinstance(seed, int):
        return []
    with open_dict(config):
        OmegaConf.update(config, key, seed + repetition)
    return [f"{key}={seed + repetition}"]


_asked_to_stop = False


def _stop(signum: int, frame: Any) -> None:
    global _asked_to_stop
    if not _asked_to_stop:
        _asked_to_stop = True
        raise link.Stopped("asked to close")


def _let_signals_pass() -> None:
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, signal.SIG_IGN)


def _enter_process(job: Job, parent: int) -> None:
    os.setsid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    for finalizer in list(weakref.finalize._registry):  # type: ignore[attr-defined]
        finalizer.atexit = False  # what the template opened is not this process's to clean up
    for signum in (signal.SIGTERM, signal.SIGINT):  # Lightning would make an exit code of a KeyboardInterrupt
        signal.signal(signum, _stop)
    os.environ.update(job.environment)
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(job.threads)))
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(job.threads)
    _redirect(Path(os.devnull))


def _redirect(path: Path) -> None:
    """Send what the process prints to `path`: the terminal belongs to the sweep."""
    sys.stdout.flush()
    sys.stderr.flush()
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    empty = os.open(os.devnull, os.O_RDONLY)
    for source, number in ((empty, 0), (target, 1), (target, 2)):
        os.dup2(source, number)
    os.close(target)
    os.close(empty)
