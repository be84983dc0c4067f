"""Screenshots of a report for the README.

    python -m benchmarks.report_pictures REPORT.html [docs]

Writes report-light.png and report-dark.png: the top of the page in a chromium window 1200 pixels
wide.
"""

import sys
import tempfile
from pathlib import Path

from PIL import Image
from tests.review.report.chromium import Chromium, find

WIDTH, HEIGHT = 1200, 1500
# A small palette keeps the files small.
COLOURS = 128


def take(report: Path, folder: Path) -> list[Path]:
    """Write both pictures and return their files."""
    program = find()
    if program is None:
        raise SystemExit(
            "screenshots need chromium, which is not installed; run: apt-get install chromium"
        )
    files = []
    with Chromium(program) as browser, tempfile.TemporaryDirectory() as scratch:
        for scheme in ("light", "dark"):
            browser.open(report, WIDTH, HEIGHT, scheme)
            browser.picture(Path(scratch) / "seen.png")
            files.append(folder / f"report-{scheme}.png")
            with Image.open(Path(scratch) / "seen.png") as seen:
                seen.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(
                    files[-1], optimize=True
                )
    return files


if __name__ == "__main__":
    for file in take(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "docs")):
        print(f"{file}: {file.stat().st_size / 1000:.0f} kB")
