"""A worker's hold on its warm template: start it, send it jobs, hear of births and deaths."""

import contextlib
import json
import os
import pickle
import socket
import subprocess
import sys
import threading
from typing import Any

from hydra.core.singleton import Singleton

from .errors import StudyError
from .forks import serve
from .messages import Channel
from .recipe import Job, Recipe


class Template:
    """The template process of one worker.

    Args:
        recipe: What the trials need.
        lock: Descriptor that marks the worker as alive; the template and its trials hold it too.

    Raises:
        StudyError: A module of `preload` cannot be imported.
    """

    def __init__(self, recipe: Recipe, lock: int) -> None:
        ours, theirs = socket.socketpair()
        self.control = Channel(ours)
        if _must_spawn(recipe.options.template):
            self.pid = _spawn(recipe, ours, theirs, lock)
        else:
            self.pid = os.fork()
            if self.pid == 0:
                ours.close()
                serve(recipe, theirs)
        theirs.close()
        messages, _ = self.control.receive()
        if not messages or messages[0]["say"] != "warm":
            reason = messages[0]["reason"] if messages else "it died"
            raise StudyError(f"the warm template of the trials could not start: {reason}")

    def begin(self, job: Job) -> Channel:
        """Send a job and return the connection to its trial.

        Raises:
            OSError: The template is gone.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            line = json.dumps(job.as_dict()).encode() + b"\n"
            sent = socket.send_fds(self.control.sock, [line], [theirs.fileno()])
            self.control.sock.sendall(line[sent:])
        return Channel(ours)

    def receive(self) -> tuple[list[dict[str, Any]], bool]:
        """Return the messages that have come, and whether the template lives."""
        return self.control.receive()

    def close(self) -> None:
        """Let the template go; it kills the trials that are left."""
        self.control.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def _must_spawn(mode: str) -> bool:
    """Whether a fork of this process would be unsafe: other threads, or CUDA in use."""
    if mode not in ("auto", "fork", "spawn"):
        raise StudyError(f"hydra.sweeper.template must be auto, fork or spawn, but got {mode!r}")
    if mode != "auto":
        return mode == "spawn"
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    return threading.active_count() > 1 or (cuda is not None and cuda.is_initialized())


def _spawn(recipe: Recipe, ours: socket.socket, theirs: socket.socket, lock: int) -> int:
    try:
        import cloudpickle as pickler
    except ImportError:
        pickler = pickle
    state = (recipe, Singleton.get_state(), sys.argv, sys.path)
    payload = pickler.dumps(state)
    code = f"from hydra_plugins.study.search.forks import serve_spawned; serve_spawned({theirs.fileno()})"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen([sys.executable, "-c", code], pass_fds=[theirs.fileno(), lock], env=environment)
    ours.sendall(b"%d\n" % len(payload) + payload)
    process.returncode = 0  # waited for by pid, as a forked one is
    return process.pid
