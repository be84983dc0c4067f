"""`convsweep auto data=... budget=30min [OVERRIDES]`: from data to a confirmed network.

Looks at the data and plans, trains the plan's baseline, searches, trains the best networks and the
baseline with several seeds, trains the chosen one on all data that is not test, tests it once,
exports it, and writes a report and a model card. Each stage is a command, which is printed. If
nothing in the search is shown to be better, the baseline is the network, and the end says so. The
same command again resumes where the last one stopped.

    convsweep auto data=image_folder data.root=photos budget=30min
    convsweep auto model=segmentation data=mask_folder data.root=cells budget=2h
    convsweep auto data=digits n_trials=20 --dry-run          # what would be done; trains nothing

    budget     the time of all stages: 90s, 30min, 2h
    energy     instead of a time, or as well: the energy of all stages: 30Wh, 0.2kWh, 500kJ
    power      the machine's mean power, 150W; without it the energy is measured
    n_trials   instead of a time, or as well: how many trials the search has
    epochs     instead of a time, or as well: how many epochs all trainings have together
    top        at most how many finalists (3)
    seeds      at most how many trainings of each finalist and of the baseline (5)
    folds      train them on so many folds of the data instead (as the plan says)
    folder     where everything is written (auto/DATA_1, or the next free number)
    --dry-run  plan and measure, then print stages, times, commands, and the disk that is needed
    others     overrides of every training, such as budget.max_params=1M; those of hydra.sweeper and
               hydra/launcher go to the search
"""

import sys


def main(arguments: list[str]) -> None:
    """Run the command."""
    if not arguments or {"-h", "--help"} & set(arguments):
        print(__doc__)
        return
    from convsweep.auto.request import parse_request
    from convsweep.auto.start import auto
    from convsweep.cli import commands

    commands.run(lambda: auto(parse_request(arguments)))


if __name__ == "__main__":
    main(sys.argv[1:])
