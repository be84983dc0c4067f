"""Shell completion by argcomplete: commands, their options, and overrides as completed by Hydra."""

import os
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping

# Set by the shell to request completions: 1 plus the number of words before the program's name.
COMPLETES = "_ARGCOMPLETE"
# Commands that take only overrides, and the command whose config these belong to.
BY_HYDRA = {
    **dict.fromkeys(("auto", "train", "inspect", "plan", "confirm"), "train"),
    "synth": "synth",
}


def complete_command(purposes: Mapping[str, str]) -> None:
    """Complete the name of a command, or the overrides of a command without other options, and
    exit.

    Returns for a command with options of its own, whose parser completes them (`complete`).
    """
    line, point = os.environ["COMP_LINE"], int(os.environ["COMP_POINT"])
    words = line.encode()[:point].decode(errors="ignore").split(" ")
    words = [word for number, word in enumerate(words) if word or number == len(words) - 1]
    words = words[int(os.environ[COMPLETES]) - 1 :]
    if len(words) < 3 or words[1] not in purposes:
        parser = ArgumentParser(prog="convsweep")
        parser.add_argument("--version", action="store_true")
        commands = parser.add_subparsers()
        for name, purpose in purposes.items():
            commands.add_parser(name, help=purpose)
        complete(parser)
        raise SystemExit
    os.environ[COMPLETES] = str(
        int(os.environ[COMPLETES]) + 1
    )  # from here the command counts as the program
    sys.argv = words
    if words[1] in BY_HYDRA:
        complete(overrides_parser(BY_HYDRA[words[1]]), append_space=False)
        raise SystemExit


def complete(parser: ArgumentParser, append_space: bool = True) -> None:
    """Print the completions of a parser and exit, if the shell requests completions."""
    if COMPLETES not in os.environ:
        return
    import argcomplete

    argcomplete.autocomplete(parser, append_space=append_space)


def overrides_parser(command: str) -> ArgumentParser:
    """Return a parser with the options of Hydra's parser, for completion only."""
    parser = ArgumentParser(add_help=True)
    parser.add_argument("--multirun", "-m", action="store_true", help="a search")
    parser.add_argument("--config-dir", "-cd", help="a config folder of your own")
    parser.add_argument("--config-name", "-cn", help="the primary config")
    parser.add_argument(
        "--cfg", "-c", choices=("job", "hydra", "all"), help="print the config, do nothing"
    )
    parser.add_argument("--info", "-i", nargs="?", help="print information about Hydra")
    add_overrides(parser, command)
    return parser


def add_overrides(parser: ArgumentParser, command: str, help: str = "") -> None:
    """Add a positional argument that Hydra completes as an override of a command."""

    def complete_override(prefix: str, parsed_args: Namespace, **_: object) -> list[str]:
        return overrides_of(command, prefix, parsed_args)

    overrides = parser.add_argument("overrides", metavar="OVERRIDES", nargs="*", help=help)
    overrides.completer = complete_override  # type: ignore[attr-defined]


def overrides_of(command: str, prefix: str, given: Namespace) -> list[str]:
    """Return the overrides of a command that start with `prefix`, from Hydra's own completion."""
    folder, name = getattr(given, "config_dir", None), getattr(given, "config_name", None)
    options = [
        *(["--config-dir", folder] if folder else []),
        *(["--config-name", name] if name else []),
    ]
    line = {"COMP_LINE": f"convsweep {prefix}", "COMP_POINT": str(len(prefix) + 10)}
    others = {name: value for name, value in os.environ.items() if not name.startswith(COMPLETES)}
    query = [sys.executable, "-m", "convsweep", command, *options, "-sc", "query=bash"]
    return subprocess.run(query, env=others | line, capture_output=True, text=True).stdout.split()
