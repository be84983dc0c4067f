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


@contextmanager
def server(settings: str = "") -> Iterator[str]:
    """Start a server with some settings and return the URL of its database; skip the test where there is no package."""
    needs("psycopg")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    if not found or (os.geteuid() == 0 and shutil.which("runuser") is None):
        pytest.skip("PostgreSQL is not installed; on Debian: apt-get install postgresql")
    binaries, folder = found[-1].parent, Path(tempfile.mkdtemp(prefix="pg"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if user:
        shutil.chown(folder, "postgres")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off {settings}"

    def run(name: str, *arguments: str) -> None:
        command = [*user, str(binaries / name), "-D", str(folder / "data"), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)

    run("initdb", "-U", "study", "-A", "trust")
    run("pg_ctl", "-o", options, "-w", "-l", str(folder / "log"), "start")
    try:
        yield f"postgresql://study@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def trials_in(url: str, name: str = "app") -> list[FrozenTrial]:
    """Return the trials of a study in a database."""
    storage = optuna.storages.RDBStorage(url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        return optuna.load_study(study_name=name, storage=storage).trials
    finally:
        storage.remove_session()
        storage.engine.dispose()
