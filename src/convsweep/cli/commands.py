"""Common parts of the commands: help with examples, progress, errors of the user without a
traceback.
"""

import argparse
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from convsweep.cli import command_line
from convsweep.cli.completion import complete
from convsweep.cli.shell_command import shell_command
from convsweep.errors import UserError, closed_place
from hydra_study import StudyError, wants_traceback

# Seconds between two progress lines if the output is not a terminal.
LINE_EVERY_S = 10.0


def parser(
    command: str, description: str, examples: Mapping[str, str], notes: str = ""
) -> argparse.ArgumentParser:
    """Return the parser of a command, with examples (the words after the command's name, and what
    they do) and notes at the end of its help.
    """
    call = shell_command(command)
    lines = commented_lines(
        {f"{call} {words}".rstrip(): purpose for words, purpose in examples.items()}
    )
    epilog = "\n".join(["examples:", lines, *([f"\n{notes}"] if notes else [])])
    return argparse.ArgumentParser(
        prog=call,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def commented_lines(commands: Mapping[str, str]) -> str:
    """Return commands, indented, each with its purpose as a comment: after it or, if a line would
    then be longer than 100, before it.
    """
    width = max(map(len, commands))
    lines = [f"  {command:<{width}}  # {purpose}" for command, purpose in commands.items()]
    if max(map(len, lines)) > 100:
        lines = [f"  # {purpose}\n  {command}" for command, purpose in commands.items()]
    return "\n".join(lines)


def network_parser(
    command: str, description: str, examples: Mapping[str, str], notes: str, out: str
) -> argparse.ArgumentParser:
    """Return the parser of a command whose first arguments are trained networks and that writes to
    a folder, `out` by default.

    Samples may follow the networks: `convsweep.training.members.split_networks` parts them.
    """
    made = parser(command, description, examples, notes)
    made.add_argument(
        "networks",
        metavar="CHECKPOINT",
        nargs="+",
        help=(
            "a .ckpt file, a run folder, a sweep folder (its winner), or a folder of runs that"
            " differ in fold and seed alone; several are an ensemble, whose answers are averaged"
        ),
    )
    made.add_argument(
        "--out", type=Path, default=Path(out), help=f"folder of the results (default: {out})"
    )
    made.add_argument(
        "--overwrite", action="store_true", help="write into a folder that is not empty"
    )
    return made


def parse(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> argparse.Namespace:
    """Parse a command line, or print completions if the shell requests them."""
    complete(parser)
    return parser.parse_args(arguments)


def run(command: Callable[[], int | None]) -> NoReturn:
    """Run a command and exit with the code it returns; a `UserError` prints its message and exits
    with 1.
    """
    try:
        code = command()
    except (UserError, StudyError) as error:
        if wants_traceback():
            raise
        command_line.fail(error)
    except OSError as error:
        told = closed_place(error)
        if wants_traceback() or told is None:
            raise
        command_line.fail(UserError(told))
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    raise SystemExit(code)


def check_out(folder: Path, overwrite: bool) -> None:
    """Check that results may be written to a folder.

    Raises:
        UserError: it is not empty and `overwrite` is false.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--out must be a folder, but {folder} is a file")
    if folder.is_dir() and any(folder.iterdir()) and not overwrite:
        raise UserError(
            f"--out must be a new or empty folder, but {folder} holds files; choose another, or add"
            " --overwrite"
        )


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show progress: yields a function to call with the number of items done so far.

    A bar in a terminal, removed at the end; otherwise a line every `LINE_EVERY_S` seconds.
    """
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from convsweep.cli.console import console

    if not console.is_terminal:
        yield lines(what, total)
        return
    text = TextColumn("{task.description}")
    with Progress(
        text,
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    ) as bar:
        task = bar.add_task(what, total=total)
        yield lambda count: bar.advance(task, count)


def lines(what: str, total: int) -> Callable[[int], None]:
    """Return a function that prints a progress line, at most one every `LINE_EVERY_S` seconds."""
    done, said_at = 0, time.monotonic()

    def advance(count: int) -> None:
        nonlocal done, said_at
        done += count
        if time.monotonic() - said_at >= LINE_EVERY_S:
            print(f"{what}: {done:,} of {total:,}", flush=True)
            said_at = time.monotonic()

    return advance
