"""The warm template: a process with the imports done, from which the processes of trials are forked."""

import contextlib
import gc
import importlib
import json
import os
import pickle
import select
import signal
import socket
import sys
from functools import partial

from .child import THREAD_VARIABLES, check, run_child
from .compose import compose, task_config
from .errors import StudyError
from .lessons import Lesson
from .load import locate
from .messages import Channel
from .prepared import Prepared
from .recipe import Job, Recipe
from .swift_config import make_swift


def serve(recipe: Recipe, control: socket.socket) -> None:
    """Fork trials until the worker is gone, then kill those that are left; never returns."""
    code = 1
    try:
        _Template(recipe, control).serve()
        code = 0
    except BaseException as error:
        with contextlib.suppress(BaseException):
            Channel(control).send({"say": "failed", "reason": str(error) if isinstance(error, StudyError) else repr(error)})
    finally:
        os._exit(code)


def serve_spawned(descriptor: int) -> None:
    """Serve in a fresh interpreter; the recipe comes first, pickled, over the control socket."""
    from hydra.core.singleton import Singleton
    from hydra.core.utils import setup_globals

    control = socket.socket(fileno=descriptor)
    with control.makefile("rb") as file:
        size = int(file.readline())
        recipe, singletons, argv, paths = pickle.loads(file.read(size))
    sys.argv, sys.path[:] = argv, paths
    setup_globals()
    Singleton.set_state(singletons)
    serve(recipe, control)


_OF_LAUNCHERS = (
    *("RANK", "LOCAL_RANK", "GROUP_RANK", "NODE_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"),
    *("SLURM_NTASKS", "SLURM_NTASKS_PER_NODE", "SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID", "SLURM_STEP_ID"),
)
"""Variables of the job that a worker runs in. A trial must not take them for its own: it starts its processes itself."""


class _Template:
    def __init__(self, recipe: Recipe, control: socket.socket) -> None:
        self.recipe = recipe
        self.control = Channel(control)
        self.trials: dict[int, int] = {}
        self.lessons: dict[int, Lesson] = {}
        self.taught: list[Lesson] = []
        os.setsid()
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):  # Slurm tells all processes of a job
            signal.signal(signum, signal.SIG_IGN)
        self.wakes, wake = socket.socketpair()
        self.wakes.setblocking(False)
        wake.setblocking(False)
        self._wake = wake
        signal.signal(signal.SIGCHLD, lambda signum, frame: None)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        for variable in _OF_LAUNCHERS:
            os.environ.pop(variable, None)
        if "SLURM_JOB_ID" in os.environ:
            os.environ["SLURM_JOB_NAME"] = "interactive"  # Lightning's word for a job that it shall not take part in
        for variable in THREAD_VARIABLES:
            os.environ.setdefault(variable, str(recipe.options.threads))
        for name in recipe.options.preload:
            _preload(name)
        for option in ("check", "canonical"):
            path = getattr(recipe.options, option)
            if path is not None:
                locate(path, f"hydra.sweeper.{option}")
        make_swift()
        self.prepared = Prepared(recipe.hydra_context.config_loader, recipe.config, recipe.first)
        self._rehearse()
        self.control.send({"say": "warm"})

    def _rehearse(self) -> None:
        """Compose and check some config, so that what is slow at its first use is not slow in every trial."""
        config = compose(self.prepared, Job(0, self.recipe.first))
        modules = (sys.modules[name] for name in self.recipe.options.preload)
        rehearsals = [partial(check, self.recipe, config)]
        rehearsals += [partial(module.rehearse, task_config(config)) for module in modules if hasattr(module, "rehearse")]
        for rehearsal in rehearsals:
            with contextlib.suppress(Exception):  # a trial meets it again, and tells
                rehearsal()
        gc.collect()
        gc.freeze()

    def serve(self) -> None:
        """Wait for jobs and for the ends of trials."""
        while True:
            ready, _, _ = select.select([self.control.sock, self.wakes], [], [])
            if self.wakes in ready:
                with contextlib.suppress(BlockingIOError):
                    self.wakes.recv(4096)
            if self.control.sock in ready and not self._begin():
                break
            self._reap()
        for pid in self.trials:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        while self.trials:
            self.trials.pop(os.wait()[0], None)
        self._leave()

    def _begin(self) -> bool:
        """Fork one trial; return False if the worker is gone."""
        data, descriptors, _, _ = socket.recv_fds(self.control.sock, 65536, 1)
        if not data:
            return False
        while not data.endswith(b"\n"):
            data += self.control.sock.recv(65536)
        self._learn()
        job = Job(**json.loads(data))
        connection = socket.socket(fileno=descriptors[0])
        parent, lesson = os.getpid(), Lesson()
        pid = os.fork()
        if pid == 0:
            self._leave()
            run_child(self.recipe, self.prepared, job, connection, lesson, parent)
        connection.close()
        lesson.forked()
        self.trials[pid], self.lessons[pid] = job.number, lesson
        self.control.send({"say": "born", "number": job.number, "pid": pid})
        return True

    def _leave(self) -> None:
        """Give up, in a fresh child or at the end, what belongs to the template."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for sock in (self.control.sock, self.wakes, self._wake):
            sock.close()

    def _reap(self) -> None:
        """Report the trials that ended, and end what they started in their process group."""
        for pid, number in list(self.trials.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended == 0:
                continue
            signum = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
            del self.trials[pid]
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
            self.control.send({"say": "died", "number": number, "pid": pid, "signal": signum})
            self.taught.append(self.lessons.pop(pid))

    def _learn(self) -> None:
        """Import what the trials that have ended had to import, before the next process is forked."""
        taught, self.taught = self.taught, []
        learnt = [lesson.learn() for lesson in taught]
        if any(learnt):
            self._rehearse()


def _preload(name: str) -> None:
    try:
        importlib.import_module(name)
    except ImportError as error:
        raise StudyError(f"hydra.sweeper.preload must list importable modules, but got {name!r}: {error}") from error
