"""`convsweep draw OVERRIDES` or `--checkpoint RUN`: figures of a network, before or after its
training.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra

from convsweep.cli import command_line, commands
from convsweep.cli.command_line import config_folder
from convsweep.cli.completion import add_overrides, complete
from convsweep.cli.hydra_version import main_options
from convsweep.explain.inspect import LEAVE_NO_TRACE

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from convsweep.explain.draw.subject import DrawSubject

NAMES = ("matrix", "field", "filters", "maps", "shift")
EXAMPLES = {
    "": "the matrix and the receptive field of the default",
    "model/net=lenet5 data=fashion_mnist --figures field": "the receptive field alone",
    "--checkpoint outputs/DAY/TIME_NAME": "all figures of a run",
    "--checkpoint best.ckpt --figures filters,maps --layer stages.0.1.0.0": "two, of one layer",
}
NOTES = """\
matrix   the W of a layer's y = W x: which weight is where (equal colour: tied), and the values
field    what the middle position of each layer sees
filters  the kernels of a convolution
maps     what each layer makes of the first validation sample
shift    how far each layer is from shifting with its input"""


def figure_names(text: str) -> list[str]:
    """Return the names in a list with commas.

    Raises:
        ArgumentTypeError: there is no figure of a name.
    """
    names = text.split(",")
    for name in names:
        if name not in NAMES:
            raise argparse.ArgumentTypeError(f"there is no figure {name!r}, but {', '.join(NAMES)}")
    return names


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options of a command line."""
    parser = commands.parser(
        "draw", "Draw figures of a network, before or after its training.", EXAMPLES, NOTES
    )
    add_overrides(parser, "train", "as `train` takes them; with --checkpoint: data.*=...")
    parser.add_argument("--config-dir", "-cd", help="a config folder of your own, as for `train`")
    parser.add_argument("--config-name", "-cn", help="the primary config, as for `train`")
    parser.add_argument(
        "--checkpoint", help="a .ckpt file, a run folder, or a sweep folder (its winner)"
    )
    parser.add_argument(
        "--figures",
        type=figure_names,
        metavar="A,B",
        help="all with a checkpoint, else matrix,field",
    )
    parser.add_argument(
        "--layer", help="the layer of matrix and filters (default: the first), the last one of maps"
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="folder of the figures (default: pictures/ in the run folder, else drawings/)",
    )
    parser.add_argument("--format", choices=("png", "svg", "pdf"), default="png")
    parser.add_argument("--wandb", action="store_true", help="log the figures to the W&B run too")
    complete(parser)
    return parser.parse_intermixed_args(arguments)


def draw(subject: DrawSubject, run: Path | None, logger: Any, options: argparse.Namespace) -> None:
    """Draw, write and log the requested figures; those of a trained network go to its run
    folder.
    """
    from convsweep.cli.console import console, short_path
    from convsweep.explain.draw.figures import draw_figures
    from convsweep.explain.draw.publish import log_to_wandb, save

    out = options.out or (run / "pictures" if run is not None else Path("drawings"))
    figures = draw_figures(
        subject,
        options.figures,
        options.layer,
        lambda text: console.print(text, soft_wrap=True, markup=False),
    )
    for name, figure in figures.items():
        console.print(
            short_path(save(figure, out.absolute(), name, options.format)),
            soft_wrap=True,
            markup=False,
        )
    if options.wandb:
        place = log_to_wandb(logger, figures, run or out, subject.checkpoint)
        console.print(f"W&B run: {place}", soft_wrap=True, markup=False)


def draw_trained(options: argparse.Namespace) -> int:
    """Draw the network of a checkpoint."""
    from convsweep.training.trained import checkpoint_of

    checkpoint = checkpoint_of(Path(options.checkpoint))  # before importing torch

    from convsweep.training.imports import prepare_imports

    prepare_imports()
    from omegaconf import OmegaConf

    from convsweep.explain.draw.publish import run_folder
    from convsweep.explain.draw.subject import from_checkpoint
    from convsweep.run_folder import CONFIG

    subject = from_checkpoint(str(checkpoint), options.overrides)
    assert subject.checkpoint is not None
    run = run_folder(subject.checkpoint)
    logger: Any = (
        {}
        if run is None
        else OmegaConf.to_container(OmegaConf.load(run / CONFIG).logger or OmegaConf.create())
    )
    draw(subject, run, logger, options)
    return 0


def main() -> None:
    """Run the command."""
    options = parse(sys.argv[1:])
    if options.checkpoint is not None:
        commands.run(lambda: draw_trained(options))

    @hydra.main(**main_options(), config_path=str(config_folder()), config_name="config")
    @command_line.user_errors
    def draw_config(cfg: DictConfig) -> None:
        from convsweep.training.early_checks import check_options

        check_options(cfg)

        from convsweep.training.imports import prepare_imports

        prepare_imports()
        from omegaconf import OmegaConf

        from convsweep.explain.draw.subject import from_config

        draw(from_config(cfg), None, OmegaConf.to_container(cfg.logger, resolve=True), options)

    given = {"--config-dir": options.config_dir, "--config-name": options.config_name}
    of_hydra = [f"{name}={value}" for name, value in given.items() if value is not None]
    sys.argv[1:] = [*of_hydra, *options.overrides, *LEAVE_NO_TRACE]
    command_line.run(draw_config)


if __name__ == "__main__":
    main()
