"""Log a sweep's study to W&B as it stands: `python -m convsweep.review.wandb_study SWEEP`.

A sweep with logger=wandb does it by itself.

The run's group is the study's name, as of the runs of its trials; its job type is `study`. docs/review_in_wandb.md tells what
is in it. With `--follow` it goes on until a line on the standard input says how the sweep ended.
"""

import os
import sys
from pathlib import Path

NICENESS = 5


def main(arguments: list[str]) -> None:
    """Log the study of the folder on the command line."""
    folders = [argument for argument in arguments if not argument.startswith("-")]
    if len(folders) != 1 or {"-h", "--help"} & set(arguments):
        print(__doc__)
        raise SystemExit(0 if {"-h", "--help"} & set(arguments) else 1)
    from convsweep.review.wandb_study.options import wandb_options

    folder = Path(folders[0]).absolute()
    options = wandb_options(folder)
    is_following = "--follow" in arguments
    if is_following and options is None:
        return
    from convsweep.cli import commands
    from convsweep.review.wandb_study.follow import follow, log_once

    if is_following and options is not None:
        os.nice(NICENESS)
        commands.run(lambda: follow(folder, options))
    commands.run(lambda: log_once(folder, options))


if __name__ == "__main__":
    main(sys.argv[1:])
