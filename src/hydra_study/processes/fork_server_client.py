"""A worker's hold on its warm template: start it, send it jobs, hear of births and deaths."""

import contextlib
import json
import logging
import os
import pickle
import socket
import subprocess
import sys
import tempfile
from dataclasses import replace
from typing import Any

from hydra.core.singleton import Singleton

from hydra_study.errors import StudyError
from hydra_study.processes.fork_server import Order
from hydra_study.processes.messages import Channel
from hydra_study.processes.temporary_folder import TemporaryFolder
from hydra_study.sweep_spec import Job, SweepSpec
from hydra_study.task_function import copied_function, pickle_by_value

log = logging.getLogger(__name__)

# What is registered first is called last: a trial's modules are not taken to pieces, which takes as
# long as a short trial.
_END_QUICKLY = (
    "import atexit, os, sys; atexit.register(os._exit, 0); atexit.register(sys.stdout.flush)\n"
)


class ForkServerClient:
    """The template process of one worker.

    Args:
        spec: What the trials need.
        lock: Descriptor that marks the worker as alive; the template and its trials hold it too.
        temporary: Where the trials make temporary files.

    Raises:
        StudyError: A module of `preload` cannot be imported.
    """

    def __init__(self, spec: SweepSpec, lock: int, temporary: TemporaryFolder) -> None:
        self.temporary = temporary
        options = spec.options
        rest = pickle_by_value((Singleton.get_state(), replace(spec, task_function=_no_task)))
        order = Order(
            spec.origin,
            copied_function(spec.task_function),
            rest,
            options.preload,
            options.threads,
            [],
        )
        while True:
            self._process, self.control = _spawn(order, lock, temporary)
            try:
                messages, _ = self.receive()
            except KeyboardInterrupt:  # it may be at its imports for long
                self._process.kill()
                self.close()
                raise
            said: dict[str, Any] = (
                messages[0] if messages else {"say": "failed", "reason": "it died"}
            )
            if said["say"] == "warm":
                return
            self.close()
            if said["say"] != "spoilt":
                raise StudyError(
                    f"the warm template of the trials could not start: {said['reason']}"
                )
            log.warning(
                "%s is imported in each trial anew, for %s, which a fork does not survive",
                said["step"],
                said["reason"],
            )
            order.left_out.append(said["step"])

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
        self._process.wait()


def _no_task(config: Any) -> None:
    """Stand for the task function on the way to the template."""


def _compiler_cache() -> str:
    """Return where torch keeps compiled networks: it would be the folder for temporary files, which
    goes with the worker.
    """
    return os.environ.get("TORCHINDUCTOR_CACHE_DIR") or os.path.join(
        tempfile.gettempdir(), f"torchinductor_{os.getuid()}"
    )


def _spawn(
    order: Order, lock: int, temporary: TemporaryFolder
) -> tuple[subprocess.Popen[bytes], Channel]:
    """Start a template in a session of its own: a signal of the terminal is not for it."""
    ours, theirs = socket.socketpair()
    paths = [os.path.abspath(path) for path in sys.path]
    code = f"{_END_QUICKLY}sys.argv[:], sys.path[:] = {sys.argv!r}, {paths!r}\n"
    code += f"from hydra_study.processes.fork_server import serve; serve({theirs.fileno()})"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=[theirs.fileno(), lock, temporary.lock],
        env={
            **os.environ,
            "TORCHINDUCTOR_CACHE_DIR": _compiler_cache(),
            "TMPDIR": str(temporary.path),
        },
        start_new_session=True,
    )
    theirs.close()
    payload = pickle.dumps(order)
    with contextlib.suppress(OSError):  # its end is noticed where it is listened to
        ours.sendall(b"%d\n" % len(payload) + payload)
    return process, Channel(ours)
