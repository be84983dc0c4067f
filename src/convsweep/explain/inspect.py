"""`convsweep inspect OVERRIDES [depth=N]`: layers and cost of a network before training."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import TYPE_CHECKING

import hydra

from convsweep.cli import command_line, commands
from convsweep.cli.command_line import config_folder
from convsweep.cli.completion import add_overrides
from convsweep.cli.hydra_version import main_options
from convsweep.errors import UserError

if TYPE_CHECKING:
    from omegaconf import DictConfig

DEPTH = "depth="
EXAMPLES = {
    "model/net=resnet18 data=cifar10": "a preset",
    "model=segmentation model/net=unet_small data=scenes depth=2": "by blocks",
}
NOTES = """\
`convsweep train --help` lists the groups and keys. The data need not be there:
only its description is read. Nothing is written."""
LEAVE_NO_TRACE = [
    "hydra.run.dir=.",
    "hydra.output_subdir=null",
    "hydra.job_logging.root.handlers=[console]",
    "~hydra.job_logging.handlers.file",
]


def command_parser() -> ArgumentParser:
    """Return the parser for the command's help and completion; Hydra parses the overrides."""
    parser = commands.parser(
        "inspect",
        "Print a network layer by layer: shapes, cost, receptive field.",
        EXAMPLES,
        NOTES,
    )
    add_overrides(
        parser,
        "train",
        "as `train` takes them, and depth=N: layers put together by the first N parts of their"
        " names",
    )
    return parser


def take_depth(arguments: list[str]) -> tuple[list[str], int | None]:
    """Return the arguments without `depth=N`, and N.

    Raises:
        UserError: N is not a whole number >= 1.
    """
    given = [argument.removeprefix(DEPTH) for argument in arguments if argument.startswith(DEPTH)]
    others = [argument for argument in arguments if not argument.startswith(DEPTH)]
    if not given:
        return others, None
    if not given[-1].isdigit() or int(given[-1]) < 1:
        raise UserError(
            f"depth must be a whole number >= 1, but is {given[-1]!r}; leave it out to see every"
            " layer"
        )
    return others, int(given[-1])


def inspect(cfg: DictConfig, depth: int | None = None) -> None:
    """Print the table of a composed config's network, and whether it can be trained.

    Raises:
        InfeasibleError: it cannot be trained.
    """
    from convsweep.training.early_checks import check_options

    check_options(cfg)

    from convsweep.training.imports import prepare_imports

    prepare_imports()
    from convsweep.cli.console import console
    from convsweep.cost import in_bytes, measure, summary
    from convsweep.cost.table import cost_table
    from convsweep.training import feasibility
    from convsweep.training.default_net import suit_net

    feasibility.fill_shape(cfg)
    suit_net(cfg)
    cost = measure(feasibility.build_on_meta(cfg), tuple(cfg.shape.in_shape))
    console.print(cost_table(cost, depth))
    console.print(summary(cost), soft_wrap=True)
    memory = feasibility.step_memory(cfg, cost)
    console.print(
        f"a training step with data.batch_size={feasibility.batch_size(cfg)}: {in_bytes(memory)}",
        soft_wrap=True,
    )
    feasibility.judge(cfg, cost)
    console.print("feasible: it answers the task and keeps the budget", soft_wrap=True)


def main() -> None:
    """Run the command."""
    if command_line.HELP & set(sys.argv[1:]):
        command_parser().print_help()
        return
    try:
        overrides, depth = take_depth(sys.argv[1:])
    except UserError as error:
        command_line.fail(error)

    @hydra.main(**main_options(), config_path=str(config_folder()), config_name="config")
    @command_line.user_errors
    def inspect_config(cfg: DictConfig) -> None:
        inspect(cfg, depth)

    sys.argv[1:] = [*overrides, *LEAVE_NO_TRACE]
    command_line.run(inspect_config)


if __name__ == "__main__":
    main()
