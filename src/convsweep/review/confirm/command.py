"""`convsweep confirm SWEEP [top=3] [seeds=5] [baseline=PRESET] [OVERRIDES]`: is the winner
of a search really better?

Trains the best trials of a sweep and a baseline again with several seeds that the search has not
used, on the sweep's own workers, and reports whether the winner beats the baseline. The test split
is evaluated here for the first time. The same command resumes an interrupted confirmation and
trains nothing twice.

    convsweep confirm multirun/depth_kernel_digits                   # the best 3, 5 seeds
    convsweep confirm multirun/depth_kernel_digits top=1 seeds=10 baseline=vgg_small
    convsweep confirm multirun/depth_kernel_digits baseline='experiment=vgg_fashion seed=7'
    convsweep confirm multirun/depth_kernel_digits folds=5           # five folds, one seed
    convsweep confirm multirun/accuracy_macs_digits by=val/accuracy  # by one of two objectives
    convsweep confirm multirun/depth_kernel_digits trainer.max_epochs=50 hydra.sweeper.slots=2

    top       how many of the best trials (3); with several objectives, of the Pareto front
    seeds     how many seeds each (5)
    folds     train on so many folds of the data instead, all networks on the same, with one seed
    by        the objective that ranks (the first)
    baseline  a preset of model/net; or overrides with blanks between them; `defaults`: the sweep's
              command without its searched parameters (the default); `none`
    test      true; false leaves the test split alone and compares on the validation split
    others    overrides of every training; those of hydra.sweeper and hydra.launcher go to the
              engine
"""

import sys


def main(arguments: list[str]) -> None:
    """Run the command."""
    if not arguments or {"-h", "--help"} & set(arguments):
        print(__doc__)
        return
    from convsweep.cli import commands
    from convsweep.review.confirm.confirmation import confirm
    from convsweep.review.confirm.request import parse_request

    commands.run(lambda: confirm(parse_request(arguments)))


if __name__ == "__main__":
    main(sys.argv[1:])
