"""PostgreSQL on loopback, from Debian's package: one server a test process, a database a test."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.trial import FrozenTrial

from tests.ports import free_ports

from .needed import needs


class Server:
    """A server that can be stopped and started.

    Attributes:
        url: The URL of the database that was made last.
        settings: Those that it runs with, None while it is stopped.
    """

    url: str
    settings: str | None = None

    def __init__(self, binaries: Path, folder: Path) -> None:
        (self._port,) = free_ports(1)
        self._binaries, self._folder = binaries, folder
        self._databases = 0
        self._user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self._user:
            shutil.chown(folder, "postgres")
        self._run("initdb", "-D", str(folder / "data"), "-N", "-U", "study", "-A", "trust")

    def _run(self, name: str, *arguments: str) -> None:
        subprocess.run(
            [*self._user, str(self._binaries / name), *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
        )

    def _control(self, *arguments: str) -> None:
        self._run("pg_ctl", "-D", str(self._folder / "data"), *arguments)

    def start(self, settings: str = "") -> None:
        """Start it with some settings and wait until it answers."""
        options = f"-p {self._port} -k {self._folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        log = str(self._folder / "log")
        self._control("-o", f"{options} {settings}", "-w", "-l", log, "start")
        self.settings = settings

    def stop(self) -> None:
        """Stop it at once, as a crash does."""
        self.settings = None
        self._control("-m", "immediate", "stop")

    def make_database(self) -> None:
        """Make an empty database."""
        self._databases += 1
        name = f"study{self._databases}"
        place = ("-h", "127.0.0.1", "-p", str(self._port), "-U", "study")
        self._run("createdb", *place, name)
        self.url = f"postgresql://study@127.0.0.1:{self._port}/{name}"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A server; tests are skipped where there is no package."""
    needs("psycopg")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    if not found or (os.geteuid() == 0 and shutil.which("runuser") is None):
        pytest.skip("PostgreSQL is not installed; on Debian: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    try:
        server = Server(found[-1].parent, folder)
        server.start()
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database(postgresql: Server) -> Iterator[Server]:
    """An empty database, whose server a test may stop and start."""
    postgresql.make_database()
    yield postgresql
    if postgresql.settings:
        postgresql.stop()
    if postgresql.settings is None:
        postgresql.start()


def trials_in(url: str, name: str = "app") -> list[FrozenTrial]:
    """Return the trials of a study in a database."""
    storage = optuna.storages.RDBStorage(url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        return optuna.load_study(study_name=name, storage=storage).trials
    finally:
        storage.remove_session()
        storage.engine.dispose()
