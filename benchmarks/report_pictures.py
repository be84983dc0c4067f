"""Takes the pictures of a report that the README shows: `python -m benchmarks.report_pictures
REPORT.html [docs]`.

Writes report-light.png and report-dark.png: the upper part of the page in a window of 1200 points'
width, in chromium.
"""

import sys
import tempfile
from pathlib import Path

from PIL import Image
from tests.review.report.chromium import Chromium, find

WIDTH, HEIGHT = 1200, 1500
# A palette of so many keeps the files small.
COLOURS = 128


def take(report: Path, folder: Path) -> list[Path]:
    """Write both pictures and return their files."""
    program = find()
    if program is None:
        raise SystemExit(
            "the pictures are taken by chromium, which is not installed; run: apt-get install"
            " chromium"
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
