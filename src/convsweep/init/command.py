"""`convsweep init FOLDER`: write a small project with its own network, data set and configs."""

import shutil
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from convsweep.cli import commands
from convsweep.cli.shell_command import shell_command
from convsweep.errors import UserError

PROJECT = Path(__file__).parent / "project"
EXAMPLES = {
    "shapes": "a new folder",
    ".": "the current folder, if it is empty",
}
NOTES = """\
Writes conf/ (defaults that build on the packaged ones), sweeps/ (a search space), own_net.py (a
network), own_data.py (a data set), tests/ and a README.md with the commands."""


def command_parser() -> ArgumentParser:
    """Return the parser of the command."""
    parser = commands.parser("init", "Write a small project to start from.", EXAMPLES, NOTES)
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="a new or empty folder")
    return parser


def write_project(folder: Path) -> None:
    """Write the project.

    Raises:
        UserError: the folder is a file, or holds something already.
    """
    is_file = folder.exists() and not folder.is_dir()
    if is_file or (folder.is_dir() and any(folder.iterdir())):
        raise UserError(
            f"a project must go to a new or empty folder, but {folder}"
            f" {'is a file' if is_file else 'holds files'}; choose another name"
        )
    shutil.copytree(
        PROJECT, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
    )
    # a config group; a wheel cannot hold the link
    (folder / "conf" / "sweeps").symlink_to("../sweeps")


def main(arguments: Sequence[str]) -> int:
    """Write the project and print the first commands."""
    folder: Path = commands.parse(command_parser(), arguments).folder
    write_project(folder)
    print(f"a project in {folder}; its README.md has the commands. To begin:")
    if folder.resolve() != Path.cwd():
        print(f"  cd {folder}")
    print(f"  {shell_command('train', '--config-dir', 'conf', '--config-name', 'project')}")
    return 0


if __name__ == "__main__":
    commands.run(lambda: main(sys.argv[1:]))
