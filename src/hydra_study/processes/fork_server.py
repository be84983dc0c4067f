"""The fork server: an interpreter that has imported everything and forks the trials' processes.

The standard library's `forkserver` is not enough: its processes skip `atexit`, outlive a killed
worker together with their children, each run the program again, and daemons may not use it.
"""

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
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import setup_globals

from hydra_study.dotted_path import locate
from hydra_study.errors import StudyError
from hydra_study.processes.compose import compose
from hydra_study.processes.messages import Channel
from hydra_study.processes.trial_process import (
    STOP_SIGNALS,
    THREAD_VARIABLES,
    check,
    run_trial_process,
)
from hydra_study.sweep_spec import Job, SweepSpec
from hydra_study.task_function import UNGUARDED, Origin, load_function

# Environment variables of a worker's job. A trial, which starts its own ranks, must not see them.
_OF_LAUNCHERS = (
    "RANK",
    "LOCAL_RANK",
    "GROUP_RANK",
    "NODE_RANK",
    "WORLD_SIZE",
    "LOCAL_WORLD_SIZE",
    "MASTER_ADDR",
    "MASTER_PORT",
    "SLURM_NTASKS",
    "SLURM_NTASKS_PER_NODE",
    "SLURM_PROCID",
    "SLURM_LOCALID",
    "SLURM_NODEID",
    "SLURM_STEP_ID",
)
_PROGRAM = "import the program"
_REHEARSAL = "load what composing and checking a config needs"
# Part of torch's message where CUDA cannot be used in a fork, which no public API reports.
_IN_A_FORK = "forked subprocess"


@dataclass
class Order:
    """The settings of a fork server.

    Attributes:
        origin: Where to import the task function from.
        function: The pickled task function, or None.
        spec: Hydra's singletons and the spec without its task function, pickled.
        preload: Modules to import.
        threads: Threads of a trial.
        deferred: Steps that are left to the trials.
    """

    origin: Origin | None
    function: bytes | None
    spec: bytes
    preload: list[str]
    threads: int
    deferred: list[str]


def serve(descriptor: int) -> None:
    """Run the fork server and, in each of its forks, a trial; the whole program of its interpreter.

    A trial returns from here, so that its process ends normally: threads are joined and `atexit`
    hooks are called.

    Args:
        descriptor: File descriptor of the socket to the worker, which first sends a pickled
            `Order`.
    """
    control = socket.socket(fileno=descriptor)
    trial = None
    try:
        with control.makefile("rb") as file:
            order = pickle.loads(file.read(int(file.readline())))
        trial = _ForkServer(order, control).serve()
    except BaseException as error:
        with contextlib.suppress(BaseException):
            reason = str(error) if isinstance(error, StudyError) else repr(error)
            Channel(control).send({"type": "failed", "reason": reason})
    if trial is None:
        os._exit(0)
    trial()


class _ForkServer:
    def __init__(self, order: Order, control: socket.socket) -> None:
        self.order = order
        self.control = Channel(control)
        self.trials: dict[int, int] = {}
        # Slurm signals all processes of a job
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(signum, signal.SIG_IGN)
        self.set_variables()
        self.deferred = [step for name, step in self.steps() if name in order.deferred]
        for name, step in self.steps():
            self.do(name, step)
        self.spec = self.load_spec()
        for option in ("check", "canonical"):
            path = getattr(self.spec.options, option)
            if path is not None:
                self.do(f"import {path}", partial(locate, path, f"hydra.sweeper.{option}"))
        self.do(_REHEARSAL, self.rehearse)
        gc.collect()
        gc.freeze()  # the collector does not touch these objects, so forks share their memory
        self.wakes, self.wake = socket.socketpair()
        self.wakes.setblocking(False)
        self.wake.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda signum, frame: None)
        signal.set_wakeup_fd(self.wake.fileno(), warn_on_full_buffer=False)
        self.control.send({"type": "started"})

    def set_variables(self) -> None:
        for variable in _OF_LAUNCHERS:
            os.environ.pop(variable, None)
        if "SLURM_JOB_ID" in os.environ:
            # by this name Lightning knows that it must not use Slurm's environment
            os.environ["SLURM_JOB_NAME"] = "interactive"
        for variable in THREAD_VARIABLES:
            os.environ.setdefault(variable, str(self.order.threads))
        # `torch.cuda.is_available()` then does not initialise CUDA, which forks could not use
        os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")

    def steps(self) -> list[tuple[str, Callable[[], object]]]:
        """Return the names and functions of the imports; each can be deferred to the trials."""
        modules = [(f"import {name}", partial(_preload, name)) for name in self.order.preload]
        return [*modules, (_PROGRAM, self.import_program)]

    def import_program(self) -> None:
        """Import the module of the task function; if that fails, its pickled copy is used."""
        if self.order.origin is None:
            return
        try:
            self.order.origin.import_module()
        except SystemExit:
            sys.stderr.write(f"{self.order.origin.script} {UNGUARDED}\n")
        except Exception:  # the pickled copy may work all the same
            return

    def rehearse(self) -> None:
        """Compose and check one config, so that all trials share Hydra's cached files and grammar
        tables.
        """
        before = HydraConfig.instance().cfg
        with contextlib.suppress(Exception):  # a trial reports what is wrong
            check(self.spec, compose(self.spec, Job(0, list(self.spec.first))))
        HydraConfig.instance().cfg = before

    def load_spec(self) -> SweepSpec:
        singletons, spec = pickle.loads(self.order.spec)
        setup_globals()
        Singleton.set_state(singletons)
        whole: SweepSpec = replace(
            spec, task_function=load_function(self.order.origin, self.order.function)
        )
        return whole

    def do(self, name: str, step: Callable[[], object]) -> None:
        """Run an import step; if the process cannot be forked after it, report that and exit."""
        if name in self.order.deferred:
            return
        step()
        reason = why_not_fork()
        if reason:
            self.control.send({"type": "unforkable", "step": name, "reason": reason})
            os._exit(0)

    def serve(self) -> Callable[[], None] | None:
        """Fork trials until the worker is gone, then kill those that are left.

        Returns:
            In a fork, the function that runs the trial; None in the fork server.
        """
        while True:
            ready, _, _ = select.select([self.control.sock, self.wakes], [], [])
            if self.wakes in ready:
                with contextlib.suppress(BlockingIOError):
                    self.wakes.recv(4096)
            if self.control.sock in ready:
                begun = self.begin()
                if begun is None:
                    break
                if callable(begun):
                    return begun
            self.reap()
        for pid in self.trials:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        while self.trials:
            self.trials.pop(os.wait()[0], None)
        self.leave()
        return None

    def begin(self) -> Callable[[], None] | int | None:
        """Fork one trial and return its process id, or None if the worker is gone; in the fork
        return the function that runs the trial.
        """
        data, descriptors, _, _ = socket.recv_fds(self.control.sock, 65536, 1)
        if not data:
            return None
        while not data.endswith(b"\n"):
            data += self.control.sock.recv(65536)
        job = Job(**json.loads(data))
        connection = socket.socket(fileno=descriptors[0])
        parent = os.getpid()
        # ignored here, a signal would be lost until the trial has handlers of its own
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        pid = os.fork()
        if pid == 0:
            self.leave()
            return partial(run_trial_process, job, connection, parent, self.finish_preparing)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        connection.close()
        self.trials[pid] = job.number
        self.control.send({"type": "forked", "number": job.number, "pid": pid})
        return pid

    def finish_preparing(self) -> SweepSpec:
        """Run the deferred import steps, in a trial, and return the spec."""
        for step in self.deferred:
            step()
        if not self.deferred:
            return self.spec
        return replace(
            self.spec, task_function=load_function(self.order.origin, self.order.function)
        )

    def leave(self) -> None:
        """Close, in a fork or at the end, the sockets of the fork server."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for sock in (self.control.sock, self.wakes, self.wake):
            sock.close()

    def reap(self) -> None:
        """Report the trials that ended, and kill the rest of their process groups."""
        for pid, number in list(self.trials.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended == 0:
                continue
            signum = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
            del self.trials[pid]
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
            self.control.send({"type": "exited", "number": number, "signal": signum})


def _preload(name: str) -> None:
    try:
        importlib.import_module(name)
    except ImportError as error:
        raise StudyError(
            f"hydra.sweeper.preload must list importable modules, but got {name!r}: {error}"
        ) from error


def why_not_fork() -> str:
    """Return why forks of this process would fail, or an empty text."""
    others = [
        thread.name for thread in threading.enumerate() if thread is not threading.main_thread()
    ]
    if others:
        return f"this starts a thread ({others[0]}), which a process forked afterwards lacks"
    if not is_cuda_usable_in_forks():
        return "this initialises CUDA, which a process forked afterwards cannot use"
    return ""


def is_cuda_usable_in_forks() -> bool:
    """Return whether a fork of this process could use CUDA, tried in a fork if torch is loaded."""
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "cuda"):
        return True
    pid = os.fork()
    if pid == 0:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # the same answer without occupying a GPU
        try:
            torch.cuda.init()
        except BaseException as error:
            os._exit(_IN_A_FORK in str(error))
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
