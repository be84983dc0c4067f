"""`convsweep wandb-study SWEEP`: log the present state of a sweep's study to W&B.

Each sweep starts this module with `--follow`.
"""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

# The trials go first.
NICENESS = 5
EXAMPLES = {
    "multirun/depth_kernel_digits": "once, for example after an offline sweep was synced",
    "multirun/depth_kernel_digits --follow": "until a line on standard input ends it",
}
NOTES = """\
A sweep with logger=wandb does it by itself. The run's group is the study's name, as for
the runs of its trials; its job type is `study`. docs/review_in_wandb.md describes it."""


def command_parser() -> ArgumentParser:
    """Return the parser of the command."""
    from convsweep.cli import commands

    parser = commands.parser(
        "wandb-study", "Log a sweep's study to W&B as it stands.", EXAMPLES, NOTES
    )
    parser.add_argument("sweep", metavar="SWEEP", type=Path, help="folder of the sweep")
    parser.add_argument(
        "--follow", action="store_true", help="bring the run up to date while the sweep runs"
    )
    return parser


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    from convsweep.review.wandb_study.options import wandb_options

    if (
        len(arguments) == 2
        and arguments[1] == "--follow"
        and wandb_options(Path(arguments[0]).absolute()) is None
    ):
        return  # also started for sweeps without W&B, for which it should cost little
    from convsweep.cli import commands

    given = commands.parse(command_parser(), arguments)
    from convsweep.review.wandb_study.follow import follow, log_once

    folder: Path = given.sweep.absolute()
    options = wandb_options(folder)
    if given.follow and options is not None:
        os.nice(NICENESS)
        commands.run(lambda: follow(folder, options))
    commands.run(lambda: log_once(folder, options))


if __name__ == "__main__":
    main(sys.argv[1:])
