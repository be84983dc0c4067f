"""Time to write and to open reports of 5, 500 and 5,000 trials, and their size: `python -m
benchmarks.report_time`.

Writing is measured in CPU time, which depends less on other load.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.review.report.chromium import Chromium, find
from tests.review.report.studies import make_sweep, mixed

COUNTS = (5, 500, 5000)


def used_by_children() -> float:
    """Return the CPU seconds of ended child processes."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure(folder: Path, browser: Chromium | None) -> list[str]:
    """Return the seconds to write a sweep's report, its size, and the seconds to draw it."""
    before = used_by_children()
    subprocess.run(
        [sys.executable, "-m", "convsweep", "report", str(folder)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    made = used_by_children() - before
    page = folder / "report.html"
    cells = [f"{made:.1f} s", f"{page.stat().st_size / 1e6:.1f} MB"]
    if browser is None:
        return [*cells, "no chromium"]
    began = time.perf_counter()
    browser.open(page)
    return [*cells, f"{time.perf_counter() - began:.1f} s"]


def main() -> None:
    """Print the table."""
    program = find()
    browser = Chromium(program) if program else None
    print("| trials | writing (CPU time) | HTML | drawing |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        for count in COUNTS:
            folder = make_sweep(Path(scratch) / str(count), mixed(count))
            print(f"| {count:,} | " + " | ".join(measure(folder, browser)) + " |", flush=True)
    if browser is not None:
        browser.__exit__()


if __name__ == "__main__":
    main()
