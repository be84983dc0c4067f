"""`convsweep evaluate CHECKPOINT [FOLDER]`: metrics of a trained network on labelled data."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from convsweep.cli import commands
from convsweep.cli.next_commands import say_commands
from convsweep.errors import UserError

EXAMPLES = {
    "outputs/DAY/TIME_NAME": "the test part of the data it was trained on",
    "multirun/depth_kernel_digits --split val --out val": "a winner on the validation part",
    "best.ckpt photos/labelled": "other data: a folder a class",
    "best.ckpt cells": "other data: cells/images and cells/masks",
    "best.ckpt scans.npz": "other data: arrays x and y",
    "multirun/DAY/TIME": "the folds of a multirun, as one network",
}
NOTES = """\
Writes evaluation.json (metrics, classes, confusion matrix), samples.csv (every sample),
confusion.png, and worst.png: the samples of the largest loss. A FOLDER is read as the training data
was, and may lack classes that the network knows."""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options of a command line."""
    parser = commands.network_parser(
        "evaluate",
        "Measure a trained network on labelled data.",
        EXAMPLES,
        NOTES,
        out="evaluation",
    )
    parser.add_argument(
        "folder",
        metavar="FOLDER",
        nargs="*",
        type=Path,
        help="labelled data (default: that of the training)",
    )
    parser.add_argument(
        "--split",
        choices=("train", "val", "test"),
        default="test",
        help="which part of the data (test)",
    )
    parser.add_argument(
        "--convert-color",
        action="store_true",
        help="turn images grey or RGB as the network needs them",
    )
    parser.add_argument(
        "--worst",
        type=int,
        default=16,
        metavar="N",
        help="how many of the worst samples to draw (16)",
    )
    parser.add_argument(
        "--device", default="auto", help="cpu, cuda, cuda:1, mps, or the fastest there is (auto)"
    )
    return commands.parse(parser, arguments)


def evaluate(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    options = parse(arguments)
    if options.worst < 0:
        raise UserError(f"--worst must be at least 0, but is {options.worst}")
    commands.check_out(options.out, options.overwrite)

    from convsweep.training.members import split_networks
    from convsweep.training.trained import load_trained

    networks, folders = split_networks([*options.networks, *options.folder])
    if len(folders) > 1:
        raise UserError(
            "evaluate takes one FOLDER after the networks, but there are"
            f" {', '.join(map(str, folders))}; a network is a .ckpt file or the folder of a run"
        )
    folder = folders[0] if folders else None
    trained = load_trained(networks, options.device, batch_size=64)

    from convsweep.inference.evaluate import measuring
    from convsweep.inference.evaluate.labelled import folder_part, own_part
    from convsweep.inference.evaluate.out_of_fold import fold_parts, is_cross_validation
    from convsweep.inference.evaluate.output import Output

    if folder is None and options.split == "val" and is_cross_validation(trained):
        parts = fold_parts(trained)
    else:
        data, samples = (
            own_part(trained, options.split)
            if folder is None
            else folder_part(trained, folder, options.split, options.convert_color)
        )
        # names elsewhere need not tell a group
        groups = data.groups(samples.names) if folder is None else None
        batches = data.eval_loader(samples)
        parts = [measuring.LabelledPart(trained.model, batches, samples.names, groups=groups or ())]
    count = sum(len(part.names) for part in parts)
    with commands.progress("evaluate", count) as advance:
        found = measuring.evaluate(trained, parts, options.worst, advance)
    source = str(folder or trained.data["_target_"].rpartition(".")[2])
    about = {**trained.checkpoints, "data": source, "split": options.split}
    Output(options.out, trained.info, trained.task, about, f"{source}: {count:,} samples").write(
        found
    )
    say_next(networks)
    return 0


def say_next(networks: Sequence[Path]) -> None:
    """Print the commands that use networks after they were evaluated."""
    named = [str(network) for network in networks]
    has_report = len(networks) == 1 and networks[0].is_dir()
    say_commands(
        (("predict", *named, "FILES"), "apply the network to files"),
        (("export", *named), "write it as torch.export and ONNX programs"),
        *([(("report", *named), "curves and scores as a page")] if has_report else []),
    )


if __name__ == "__main__":
    commands.run(lambda: evaluate(sys.argv[1:]))
