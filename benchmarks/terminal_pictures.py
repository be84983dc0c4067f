"""Records a training and a search in a terminal, as the README shows them.

    python -m benchmarks.terminal_pictures [docs]

Runs the two commands on two cores in an empty folder and writes run.svg, what the training has
printed, and search.svg, the table of the search after half of its trials; and winner.svg, the
drawing of its best network from `convsweep report`. About two minutes.
"""

import io
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
from fcntl import ioctl
from pathlib import Path
from struct import pack
from termios import TIOCSWINSZ

from rich.console import Console
from rich.text import Text

COLUMNS, LINES = 112, 60
TRAIN = "train.py"
SEARCH = "train.py -m sweeps=depth_kernel logger=none"
# What a live table is preceded by: rich erases the lines of the last one.
ERASED = re.compile(r"\r(?:\x1b\[2K|\x1b\[1A)+")
PROGRESS = re.compile(r"(\d+)/(\d+)")


def record(command: str, folder: Path) -> str:
    """Return all that a command prints to a terminal, control sequences included."""
    program = Path(__file__).parents[1] / "train.py"
    head, terminal = pty.openpty()
    ioctl(terminal, TIOCSWINSZ, pack("HHHH", LINES, COLUMNS, 0, 0))
    process = subprocess.Popen(
        [sys.executable, str(program), *command.split()[1:]],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
    )
    os.close(terminal)
    printed = b""
    try:
        while part := os.read(head, 1 << 16):
            printed += part
    except OSError:  # how Linux says that nobody holds the terminal any more
        pass
    os.close(head)
    if process.wait() != 0:
        raise SystemExit(printed.decode(errors="replace"))
    return printed.decode()


def half_way(printed: str) -> str:
    """Return the table after half of the trials: of two neighbours the one that shows more."""
    tables = [part for part in ERASED.split(printed) if PROGRESS.search(part)]
    later = [part for part in tables if at_least_half(part)]
    return max(later[:10], key=len)


def at_least_half(table: str) -> bool:
    """Return whether a table says that half of the trials have ended."""
    done, total = map(int, PROGRESS.findall(table)[0])
    return 2 * done >= total


def write_svg(command: str, printed: str, file: Path) -> None:
    """Write a command and what it has printed as a picture of a terminal."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(f"\x1b[1m$ uv run {command}\x1b[0m\n{printed.strip()}"))
    file.write_text(console.export_svg(title="convsweep", unique_id=file.stem))


def take(folder: Path) -> list[Path]:
    """Write the pictures and return their files."""
    files = [folder / name for name in ("run.svg", "search.svg", "winner.svg")]
    with tempfile.TemporaryDirectory() as scratch:
        write_svg(TRAIN, ERASED.split(record(TRAIN, Path(scratch)))[-1], files[0])
        write_svg(SEARCH, half_way(record(SEARCH, Path(scratch))), files[1])
        study = Path(scratch, "multirun", "depth_kernel_digits")
        subprocess.run([sys.executable, "-m", "convsweep", "report", str(study)], check=True)
        shutil.copy(study / "report_pictures" / "the-winner_1.svg", files[2])
    return files


if __name__ == "__main__":
    for file in take(Path(sys.argv[1] if len(sys.argv) > 1 else "docs")):
        print(f"{file}: {file.stat().st_size / 1000:.0f} kB")
