"""A worker's client of its fork server: start it, send it jobs, receive its messages."""

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
from hydra_study.interrupts import Overdue
from hydra_study.processes.fork_server import Order
from hydra_study.processes.messages import Channel
from hydra_study.processes.temporary_folder import TemporaryFolder
from hydra_study.sweep_spec import Job, SweepSpec
from hydra_study.task_function import pickle_by_value, pickle_function

log = logging.getLogger(__name__)

# `atexit` calls these last, so that a trial skips the teardown of the interpreter, which takes as
# long as a short trial.
_END_QUICKLY = (
    "import atexit, os, sys; atexit.register(os._exit, 0); atexit.register(sys.stdout.flush)\n"
)


class ForkServerClient:
    """The fork server process of one worker.

    Args:
        spec: The sweep.
        lock: Descriptor of the worker's lock file; the fork server and its trials inherit it, so
            that the worker counts as alive as long as one of them is.
        temporary: Folder for the temporary files of the trials.

    Raises:
        StudyError: The fork server cannot start, e.g. for a module of `preload`.
    """

    def __init__(self, spec: SweepSpec, lock: int, temporary: TemporaryFolder) -> None:
        self._lock = lock
        self._temporary = temporary
        options = spec.options
        rest = pickle_by_value((Singleton.get_state(), replace(spec, task_function=_no_task)))
        self._order = Order(
            spec.origin,
            pickle_function(spec.task_function),
            rest,
            options.preload,
            options.threads,
            [],
        )
        self._start()

    def restart(self) -> None:
        """Start another fork server in place of one that has died."""
        self.close()
        self._start()

    def _start(self) -> None:
        while True:
            self._process, self.control = _spawn(self._order, self._lock, self._temporary)
            try:
                messages, _ = self.receive()
            except (KeyboardInterrupt, Overdue):  # its imports may take long
                self._process.kill()
                self.close()
                raise
            message: dict[str, Any] = messages[0] if messages else {"type": "failed"}
            if message["type"] == "started":
                return
            self.close()
            if message["type"] != "unforkable":
                reason = message.get("reason", f"exit code {self._process.returncode}")
                raise StudyError(
                    "the program and hydra.sweeper.preload must be importable in a fresh process,"
                    f" from which trials are forked, but it ended: {reason}"
                )
            log.warning(
                "each trial will %s itself and start later: %s; to avoid that, start threads and"
                " use CUDA in the task function, not at import",
                message["step"],
                message["reason"],
            )
            self._order.deferred.append(message["step"])

    def begin(self, job: Job) -> Channel:
        """Send a job and return the connection to its trial.

        Raises:
            OSError: The fork server has died.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            line = json.dumps(job.as_dict()).encode() + b"\n"
            sent = socket.send_fds(self.control.sock, [line], [theirs.fileno()])
            self.control.sock.sendall(line[sent:])
        return Channel(ours)

    def receive(self) -> tuple[list[dict[str, Any]], bool]:
        """Wait for messages and return them, and whether the fork server is alive."""
        return self.control.receive()

    def close(self) -> None:
        """End the fork server, which kills the trials that are left."""
        self.control.close()
        self._process.wait()


def _no_task(config: Any) -> None:
    """Stand in for the task function, which is sent separately."""


def _compiler_cache() -> str:
    """Return torch's folder of compiled kernels outside of the worker's temporary folder."""
    return os.environ.get("TORCHINDUCTOR_CACHE_DIR") or os.path.join(
        tempfile.gettempdir(), f"torchinductor_{os.getuid()}"
    )


def _spawn(
    order: Order, lock: int, temporary: TemporaryFolder
) -> tuple[subprocess.Popen[bytes], Channel]:
    """Start a fork server in a session of its own, so that Ctrl-C does not reach it."""
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
    with contextlib.suppress(OSError):  # if it has died, `receive` notices
        ours.sendall(b"%d\n" % len(payload) + payload)
    return process, Channel(ours)
