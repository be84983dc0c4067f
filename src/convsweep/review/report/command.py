"""`convsweep report SOURCE`: report of a sweep, a run or a folder of runs as HTML and Markdown."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from convsweep.cli import commands
from convsweep.cli.next_commands import say_commands
from convsweep.errors import UserError
from hydra_study import SweepPaths

if TYPE_CHECKING:
    from convsweep.review.report.rendering.blocks import Page
    from convsweep.review.report.rendering.pictures import Pictures

EXAMPLES = {
    "multirun/depth_kernel_digits": "a sweep, also while it runs",
    "postgresql://me@host/studies --study everything_digits": "a study in a database",
    "outputs/DAY/TIME_NAME": "one run",
    "outputs": "a folder of runs: a leaderboard",
    "--compare multirun/depth_kernel_digits multirun/stride_or_pool_digits": "two sweeps",
}


def command_parser() -> ArgumentParser:
    """Return the parser of the command."""
    parser = commands.parser(
        "report",
        "Write a sweep, a run or a folder of runs as one self-contained HTML file, and as Markdown"
        " with pictures.",
        EXAMPLES,
    )
    parser.add_argument(
        "source",
        nargs="?",
        help="folder of a sweep, journal file, storage URL, folder of a run or of runs",
    )
    parser.add_argument(
        "--compare", nargs=2, metavar=("A", "B"), help="set two sweeps side by side"
    )
    parser.add_argument("--study", help="name of the study, where a storage holds several")
    parser.add_argument(
        "--out",
        type=Path,
        help=(
            "file to write (.html), or its folder; the Markdown goes beside it (default:"
            " report.html in SOURCE)"
        ),
    )
    return parser


def target_of(arguments: Namespace) -> Path:
    """Return the HTML file to write.

    Raises:
        UserError: its folder cannot be written to.
    """
    target = arguments.out or default_target(arguments)
    target = target if target.suffix == ".html" else target / "report.html"
    folder = next(parent for parent in target.absolute().parents if parent.exists())
    if not os.access(folder, os.W_OK):
        raise not_writable(target, f"{folder} is read-only")
    return target


def default_target(arguments: Namespace) -> Path:
    """Return the file to write without `--out`."""
    if arguments.compare:
        return Path("compare.html")
    path = Path(arguments.source)
    return (path if path.is_dir() else path.parent if path.is_file() else Path()) / "report.html"


def not_writable(target: Path, reason: str | None) -> UserError:
    """Return the error of a report that cannot be written."""
    return UserError(
        f"a report must go to a folder that can be written to, but {target}: {reason}; use --out"
    )


def page_of(arguments: Namespace) -> Page:
    """Return the requested page.

    Raises:
        UserError: the source holds nothing to report.
    """
    from convsweep.review.report import source

    if arguments.compare:
        sweeps = [source.load_sweep(place, arguments.study) for place in arguments.compare]
        from convsweep.review.report.pages.compare import compare_page

        return compare_page(*sweeps)
    path = Path(arguments.source)
    if path.is_dir() and not source.is_sweep(path):
        return page_of_runs(path)
    sweep = source.load_sweep(arguments.source, arguments.study)
    # slow to import, so a missing source is reported first
    from convsweep.review.report.pages.sweep import sweep_page

    return sweep_page(sweep)


def page_of_runs(folder: Path) -> Page:
    """Return the page of a run, or of the runs below a folder.

    Raises:
        UserError: there is none.
    """
    from convsweep.review.report import source

    if source.is_run(folder):
        from convsweep.review.report.pages.run import run_page

        return run_page(folder)
    from convsweep.review.report.pages.leaderboard import leaderboard_page

    runs = source.runs_below(folder)
    if not runs:
        raise UserError(
            "a report needs a sweep (study.journal), a run (result.json) or a folder of runs, but"
            f" {folder} holds none of them"
        )
    return leaderboard_page(folder, runs)


def write(page: Page, target: Path) -> list[Path]:
    """Write a page as HTML, and as Markdown with a folder of pictures; return the two files.

    Raises:
        UserError: the folder cannot be written to.
    """
    from convsweep.review.report.rendering.html import to_html
    from convsweep.review.report.rendering.markdown import to_markdown
    from convsweep.review.report.rendering.pictures import Pictures
    from convsweep.run_folder import write_atomically

    files = [target, target.with_suffix(".md")]
    pictures = Pictures(f"{target.stem}_pictures")
    texts = (to_html(page), to_markdown(page, pictures))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for file, text in zip(files, texts, strict=True):
            write_atomically(file, text)
        write_pictures(pictures, target.parent)
    except OSError as error:
        raise not_writable(target, error.strerror) from error
    return files


def write_pictures(pictures: Pictures, beside: Path) -> None:
    """Draw the pictures of a Markdown page into their folder."""
    folder = beside / pictures.folder
    with commands.progress("pictures", len(pictures)) as advance:
        for name, content in pictures.contents():
            folder.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)
            advance(1)


def main() -> None:
    """Run the command."""
    parser = command_parser()
    arguments = commands.parse(parser, sys.argv[1:])
    if (arguments.source is None) == (arguments.compare is None):
        parser.error("name one SOURCE, or two by --compare A B")

    def report() -> int:
        target = target_of(arguments)  # a page may take a minute
        page = page_of(arguments)
        from convsweep.cost import in_bytes

        for file in write(page, target):
            print(f"{file} ({in_bytes(file.stat().st_size)})")
        source = Path(arguments.source or "")
        if arguments.source and SweepPaths(source).winner() is not None:
            say_commands((("confirm", str(source)), "whether the winner is better, by seeds"))
        return 0

    commands.run(report)


if __name__ == "__main__":
    main()
