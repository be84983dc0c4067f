"""No injected fault loses or doubles a trial: a small version of `benchmarks/chaos`."""

import subprocess
import sys
from pathlib import Path

import pytest

from .needed import needs

pytestmark = pytest.mark.long

CHAOS = Path(__file__).parents[2] / "benchmarks" / "chaos"


# Seeds of which few sweeps, all with one worker, meet faults of many kinds: after a killed head
# an idle worker of joblib stays for some minutes (docs/reliability.md).
@pytest.mark.parametrize(
    ("storage", "seed", "schedule"),
    [
        ("journal", "5303", "none"),
        ("journal", "5303", "promotion"),
        ("postgresql", "4304", "none"),
    ],
)
def test_no_fault_loses_or_doubles_a_trial(
    storage: str, seed: str, schedule: str, tmp_path: Path
) -> None:
    if storage == "postgresql":
        needs("psycopg")
        if not list(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl")):
            pytest.skip("PostgreSQL is not installed; on Debian: apt-get install postgresql")
    command = [
        sys.executable,
        str(CHAOS),
        "--storage",
        storage,
        "--schedule",
        schedule,
        "--faults",
        "14",
        "--folder",
        str(tmp_path),
    ]
    done = subprocess.run(
        [*command, "--seed", seed, "--outage", "3"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (written,) = tmp_path.glob("*/table.md")
    assert written.read_text() in done.stdout
