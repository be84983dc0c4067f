"""PostgreSQL on loopback, from Debian's package, for one test."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
import pytest
from optuna.trial import FrozenTrial

from .needed import needs


class Server:
    """A server that can be stopped and started.

    Attributes:
        url: The URL of its database.
    """

    def __init__(self, binaries: Path, folder: Path, settings: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"postgresql://study@127.0.0.1:{port}/postgres"
        self._binaries, self._folder = binaries, folder
        self._user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self._user:
            shutil.chown(folder, "postgres")
        self._options = (
            f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off {settings}"
        )
        self._run("initdb", "-U", "study", "-A", "trust")

    def _run(self, name: str, *arguments: str) -> None:
        command = [
            *self._user,
            str(self._binaries / name),
            "-D",
            str(self._folder / "data"),
            *arguments,
        ]
        subprocess.run(
            command,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
        )

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._run("pg_ctl", "-o", self._options, "-w", "-l", str(self._folder / "log"), "start")

    def stop(self) -> None:
        """Stop it at once, as a crash does."""
        self._run("pg_ctl", "-m", "immediate", "stop")


@contextmanager
def stoppable_server(settings: str = "") -> Iterator[Server]:
    """Start a server with some settings; skip the test where there is no package."""
    needs("psycopg")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    if not found or (os.geteuid() == 0 and shutil.which("runuser") is None):
        pytest.skip("PostgreSQL is not installed; on Debian: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    try:
        one = Server(found[-1].parent, folder, settings)
        one.start()
        try:
            yield one
        finally:
            one.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def server(settings: str = "") -> Iterator[str]:
    """Start a server with some settings and return the URL of its database; skip the test where
    there is no package.
    """
    with stoppable_server(settings) as one:
        yield one.url


def trials_in(url: str, name: str = "app") -> list[FrozenTrial]:
    """Return the trials of a study in a database."""
    storage = optuna.storages.RDBStorage(url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        return optuna.load_study(study_name=name, storage=storage).trials
    finally:
        storage.remove_session()
        storage.engine.dispose()
