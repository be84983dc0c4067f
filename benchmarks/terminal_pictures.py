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

COLUMNS, LINES = 126, 60
TRAIN = "train.py"
SEARCH = "train.py -m sweeps=depth_kernel logger=none"
# Where rich draws its table again: it erases the lines of the last one, from the bottom up.
REDRAWN = re.compile(r"\r\x1b\[2K(?=\x1b\[1A)")
CONTROL = re.compile(r"(\n|\r|\x1b\[2K|\x1b\[1A|\x1b\[\?25[lh])")
VALUE = re.compile(r" 0\.\d{3,} ")
PROGRESS = re.compile(r"   (\d+)/(\d+)   ")


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


def screen(printed: str) -> str:
    """Return what a terminal shows after all of it was printed, with its colours."""
    lines, row, is_at_start = [""], 0, True
    for part in CONTROL.split(printed):
        if part == "\n":
            row, is_at_start = row + 1, True
            lines += [""] * (row + 1 - len(lines))
        elif part == "\r":
            is_at_start = True
        elif part == "\x1b[2K":
            lines[row] = ""
        elif part == "\x1b[1A":
            row -= 1
        elif part and not CONTROL.fullmatch(part):
            lines[row] = part if is_at_start else lines[row] + part
            is_at_start = False
    return "\n".join(lines).strip()


def half_way(printed: str) -> str:
    """Return a table after half of the trials: one with the most values of running trials."""
    screens = [screen(printed[: found.start()]) for found in REDRAWN.finditer(printed)]
    tables = [shown[shown.index("\x1b[1mstudy ") :] for shown in screens if is_half_done(shown)]
    return max(tables, key=lambda shown: len(VALUE.findall(shown)))


def is_half_done(shown: str) -> bool:
    """Return whether a screen says that half of the trials have ended."""
    progress = PROGRESS.search(shown)
    return progress is not None and 2 * int(progress[1]) >= int(progress[2])


def write_svg(command: str, shown: str, file: Path) -> None:
    """Write a command and what a terminal shows of it as a picture."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(f"\x1b[1m$ uv run {command}\x1b[0m\n{shown}"))
    file.write_text(console.export_svg(title="convsweep", unique_id=file.stem))


def take(folder: Path) -> list[Path]:
    """Write the pictures and return their files."""
    files = [folder / name for name in ("run.svg", "search.svg", "winner.svg")]
    with tempfile.TemporaryDirectory() as scratch:
        write_svg(TRAIN, screen(record(TRAIN, Path(scratch))), files[0])
        write_svg(SEARCH, half_way(record(SEARCH, Path(scratch))), files[1])
        study = Path(scratch, "multirun", "depth_kernel_digits")
        subprocess.run([sys.executable, "-m", "convsweep", "report", str(study)], check=True)
        shutil.copy(study / "report_pictures" / "the-winner_1.svg", files[2])
    return files


if __name__ == "__main__":
    for file in take(Path(sys.argv[1] if len(sys.argv) > 1 else "docs")):
        print(f"{file}: {file.stat().st_size / 1000:.0f} kB")
