"""A PostgreSQL server on loopback that can be stopped and started again."""

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self


def is_installed() -> bool:
    """Return whether Debian's package of the server is installed."""
    return _binaries() is not None and (os.geteuid() != 0 or shutil.which("runuser") is not None)


def _binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    return found[-1].parent if found else None


class Postgres:
    """Context manager of a server with a data folder of its own."""

    def __init__(self) -> None:
        binaries = _binaries()
        assert binaries is not None
        self._binaries = binaries
        self._folder = Path(tempfile.mkdtemp(prefix="pg"))
        self._user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self._user:
            shutil.chown(self._folder, "postgres")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]

    def __enter__(self) -> Self:
        self._run("initdb", "-U", "study", "-A", "trust")
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._run("pg_ctl", "-m", "immediate", "stop", check=False)
        shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, database: str = "postgres") -> str:
        """Return the address of a database."""
        return f"postgresql://study@127.0.0.1:{self._port}/{database}"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        # fsync stays on: an immediate stop is a crash, after which no commit may be missing
        options = f"-p {self._port} -k {self._folder} -c listen_addresses=127.0.0.1"
        self._run(
            "pg_ctl", "-o", options, "-w", "-t", "300", "-l", str(self._folder / "log"), "start"
        )

    def stop(self) -> None:
        """Stop the server as a crash would."""
        self._run("pg_ctl", "-m", "immediate", "-w", "stop")

    def make(self, database: str) -> str:
        """Create a database, replacing an existing one, and return its address."""
        for name in ("dropdb", "createdb"):
            command = [
                str(self._binaries / name),
                "-h",
                "127.0.0.1",
                "-p",
                str(self._port),
                "-U",
                "study",
            ]
            force = ["--if-exists", "--force"] if name == "dropdb" else []
            subprocess.run([*command, *force, database], check=True, capture_output=True)
        return self.url(database)

    def _run(self, name: str, *arguments: str, check: bool = True) -> None:
        command = [
            *self._user,
            str(self._binaries / name),
            "-D",
            str(self._folder / "data"),
            *arguments,
        ]
        quiet = subprocess.DEVNULL
        subprocess.run(command, check=check, stdout=quiet, stderr=quiet, cwd=self._folder)
