"""Train one network: compose the config, fit, test the best checkpoint, return its monitored
value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import hydra

from convsweep.cli import command_line
from convsweep.cli.hydra_version import main_options

if TYPE_CHECKING:
    from omegaconf import DictConfig


@hydra.main(**main_options(), config_path=str(command_line.config_folder()), config_name="config")
@command_line.user_errors
def main(cfg: DictConfig) -> float | tuple[float, ...]:
    """Run one training and return its objective or objectives."""
    from convsweep.training.early_checks import check_new_folder, check_options, say_folder
    from convsweep.training.quick_checks import check_machine
    from hydra_study import trial

    check_new_folder(cfg)  # before importing torch, so that mistakes are reported at once
    check_options(cfg)
    if not trial.in_trial():
        check_machine(cfg)
    say_folder()

    from convsweep.training.imports import no_collection, prepare_imports

    with no_collection():
        prepare_imports()

        from lightning import seed_everything

        from convsweep.data.files.fingerprints import check_data_files
        from convsweep.training import build, feasibility
        from convsweep.training.default_net import suit_net
        from convsweep.training.fit import fit
        from convsweep.training.run import open_run

    with open_run(cfg) as run:
        seed_everything(cfg.seed, workers=True, verbose=False)
        data = build.build_data(cfg)
        suit_net(cfg)
        check_data_files(cfg.data_files, cfg.data)
        run.report_cost(run.known_cost or feasibility.check(cfg))
        data.setup("fit")
        trainer, model = fit(run, cfg, data)
        run.raise_if_pruned()
        if cfg.test:
            run.test(trainer, model, data)
        return run.finish(trainer)


if __name__ == "__main__":
    command_line.run(main)

    from convsweep.cli.next_commands import say_next_of_search

    say_next_of_search()
