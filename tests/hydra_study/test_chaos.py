"""No injected fault loses or doubles a trial: a small version of `benchmarks/chaos`."""

import subprocess
import sys
from pathlib import Path

import pytest

from .needed import needs

CHAOS = Path(__file__).parents[2] / "benchmarks" / "chaos"


@pytest.mark.parametrize(("storage", "faults"), [("journal", 24), ("postgresql", 16)])
def test_no_fault_loses_or_doubles_a_trial(storage: str, faults: int, tmp_path: Path) -> None:
    if storage == "postgresql":
        needs("psycopg")
        if not list(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl")):
            pytest.skip("PostgreSQL is not installed; on Debian: apt-get install postgresql")
    command = [
        sys.executable,
        str(CHAOS),
        "--storage",
        storage,
        "--faults",
        str(faults),
        "--folder",
        str(tmp_path),
    ]
    done = subprocess.run(
        [*command, "--seed", "3", "--outage", "3"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / f"{storage}-3" / "table.md").read_text() in done.stdout
