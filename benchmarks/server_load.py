"""Load of a database server on this machine: CPU seconds, transactions, connections."""

import os
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy


@dataclass(frozen=True)
class Load:
    """Totals of a server since its start; zeros for a journal, which has no server."""

    cpu_s: float = 0.0
    transactions: int = 0
    connections: int = 0


def look(engine: sqlalchemy.Engine | None) -> Load:
    """Return the load of the PostgreSQL server: transactions and connections of this database, CPU
    of all its processes.
    """
    if engine is None:
        return Load()
    with engine.connect() as connection:
        done = (
            "SELECT xact_commit + xact_rollback, numbackends FROM pg_stat_database WHERE datname ="
            " current_database()"
        )
        transactions, connections = connection.execute(sqlalchemy.text(done)).one()
        own = int(connection.execute(sqlalchemy.text("SELECT pg_backend_pid()")).scalar_one())
        return Load(_cpu_s(_parent(own)), transactions, connections)


def _fields(process: int) -> list[str]:
    return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()


def _parent(process: int) -> int:
    return int(_fields(process)[1])


def _cpu_s(server: int) -> float:
    """Return the CPU seconds of a server and its child processes, running and ended."""
    ticks = sum(int(field) for field in _fields(server)[11:15])
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = _fields(int(entry.name))
        except (OSError, ValueError):
            continue
        if int(fields[1]) == server:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
