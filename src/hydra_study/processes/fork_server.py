"""The warm template: a fresh interpreter with the imports done, from which the processes of trials
are forked.

The standard library's `forkserver` does not do: its processes end without `atexit`, they and what
they started outlive a worker that is killed, they run the program again each, and no daemon may use
it.
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
from hydra_study.processes.trial_process import THREAD_VARIABLES, check, run_trial_process
from hydra_study.sweep_spec import Job, SweepSpec
from hydra_study.task_function import UNGUARDED, Origin, load_function

# Variables of the job that a worker runs in. A trial must not take them for its own: it starts its
# processes itself.
_OF_LAUNCHERS = (
    *(
        "RANK",
        "LOCAL_RANK",
        "GROUP_RANK",
        "NODE_RANK",
        "WORLD_SIZE",
        "LOCAL_WORLD_SIZE",
        "MASTER_ADDR",
        "MASTER_PORT",
    ),
    *(
        "SLURM_NTASKS",
        "SLURM_NTASKS_PER_NODE",
        "SLURM_PROCID",
        "SLURM_LOCALID",
        "SLURM_NODEID",
        "SLURM_STEP_ID",
    ),
)
_PROGRAM = "the program"
_REHEARSAL = "the first config"
# Is in the message of torch where CUDA cannot be used in a fork; a public name says it nowhere.
_IN_A_FORK = "forked subprocess"


@dataclass
class Order:
    """What a worker sends to its template.

    Attributes:
        origin: Where the task function can be found.
        function: A copy of the task function, pickled.
        spec: The state of Hydra and the spec, without its task function, pickled.
        preload: Modules to import.
        threads: Threads of a trial.
        left_out: Steps that each trial does for itself.
    """

    origin: Origin | None
    function: bytes | None
    spec: bytes
    preload: list[str]
    threads: int
    left_out: list[str]


def serve(descriptor: int) -> None:
    """Be the template and, in each fork of it, a trial.

    It is the whole program of its interpreter. A trial returns from here, so that its process ends
    as any other: threads are waited for, and what was registered with `atexit` is called.

    Args:
        descriptor: Of the socket to the worker; the pickled order comes first.
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
            Channel(control).send({"say": "failed", "reason": reason})
    if trial is None:
        os._exit(0)
    trial()


class _ForkServer:
    def __init__(self, order: Order, control: socket.socket) -> None:
        self.order = order
        self.control = Channel(control)
        self.trials: dict[int, int] = {}
        # Slurm tells all processes of a job
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(signum, signal.SIG_IGN)
        self.set_variables()
        self.postponed = [step for name, step in self.steps() if name in order.left_out]
        for name, step in self.steps():
            self.do(name, step)
        self.spec = self.load_spec()
        for option in ("check", "canonical"):
            path = getattr(self.spec.options, option)
            if path is not None:
                self.do(path, partial(locate, path, f"hydra.sweeper.{option}"))
        self.do(_REHEARSAL, self.rehearse)
        gc.collect()
        gc.freeze()  # what is the same in all trials stays in memory that they share
        self.wakes, self.wake = socket.socketpair()
        self.wakes.setblocking(False)
        self.wake.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda signum, frame: None)
        signal.set_wakeup_fd(self.wake.fileno(), warn_on_full_buffer=False)
        self.control.send({"say": "warm"})

    def set_variables(self) -> None:
        for variable in _OF_LAUNCHERS:
            os.environ.pop(variable, None)
        if "SLURM_JOB_ID" in os.environ:
            os.environ["SLURM_JOB_NAME"] = (
                "interactive"  # Lightning's word for a job that it shall not take part in
            )
        for variable in THREAD_VARIABLES:
            os.environ.setdefault(variable, str(self.order.threads))
        # Where there is a GPU, `torch.cuda.is_available()` then leaves CUDA alone, so that it can
        # be used in forks.
        os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")

    def steps(self) -> list[tuple[str, Callable[[], object]]]:
        """Return what is imported, by what it is called; any of it can be left to the trials."""
        modules = [(name, partial(_preload, name)) for name in self.order.preload]
        return [*modules, (_PROGRAM, self.import_program)]

    def import_program(self) -> None:
        """Import the module of the task function, unless it cannot be: the copy of the function
        does without.
        """
        if self.order.origin is None:
            return
        try:
            self.order.origin.import_module()
        except SystemExit:
            sys.stderr.write(f"{self.order.origin.script} {UNGUARDED}\n")
        except Exception:  # what it lacks here the copy may do without
            return

    def rehearse(self) -> None:
        """Compose and check a config of the sweep once: the files that are read and the tables of
        the grammar stay for all.
        """
        before = HydraConfig.instance().cfg
        with contextlib.suppress(Exception):  # a trial says what is wrong
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
        """Import something; where no process should be forked after it, say so and end."""
        if name in self.order.left_out:
            return
        step()
        reason = why_not_fork()
        if reason:
            self.control.send({"say": "spoilt", "step": name, "reason": reason})
            os._exit(0)

    def serve(self) -> Callable[[], None] | None:
        """Fork trials until the worker is gone, then kill those that are left. In a fork return
        what the trial is to do.
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
        """Fork one trial and return its process, or in the fork what it is to do; return None if
        the worker is gone.
        """
        data, descriptors, _, _ = socket.recv_fds(self.control.sock, 65536, 1)
        if not data:
            return None
        while not data.endswith(b"\n"):
            data += self.control.sock.recv(65536)
        job = Job(**json.loads(data))
        connection = socket.socket(fileno=descriptors[0])
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            self.leave()
            return partial(run_trial_process, job, connection, parent, self.finish_preparing)
        connection.close()
        self.trials[pid] = job.number
        self.control.send({"say": "born", "number": job.number, "pid": pid})
        return pid

    def finish_preparing(self) -> SweepSpec:
        """Do, in a trial, what the template could not do for all, and return the spec."""
        for step in self.postponed:
            step()
        if not self.postponed:
            return self.spec
        return replace(
            self.spec, task_function=load_function(self.order.origin, self.order.function)
        )

    def leave(self) -> None:
        """Give up, in a fresh child or at the end, what belongs to the template."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for sock in (self.control.sock, self.wakes, self.wake):
            sock.close()

    def reap(self) -> None:
        """Report the trials that ended, and end what they started in their process group."""
        for pid, number in list(self.trials.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended == 0:
                continue
            signum = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
            del self.trials[pid]
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
            self.control.send({"say": "died", "number": number, "signal": signum})


def _preload(name: str) -> None:
    try:
        importlib.import_module(name)
    except ImportError as error:
        raise StudyError(
            f"hydra.sweeper.preload must list importable modules, but got {name!r}: {error}"
        ) from error


def why_not_fork() -> str:
    """Return why processes that are forked from this one would fail; an empty text if nothing is
    known.
    """
    others = [
        thread.name for thread in threading.enumerate() if thread is not threading.main_thread()
    ]
    if others:
        return f"it starts a thread ({others[0]})"
    return "" if is_cuda_usable_in_forks() else "it asks for CUDA"


def is_cuda_usable_in_forks() -> bool:
    """Return whether a fork of this process could use CUDA: whether torch, where it is loaded, says
    so in one.
    """
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "cuda"):
        return True
    pid = os.fork()
    if pid == 0:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # the answer is the same, and no GPU is kept
        try:
            torch.cuda.init()
        except BaseException as error:
            os._exit(_IN_A_FORK in str(error))
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
