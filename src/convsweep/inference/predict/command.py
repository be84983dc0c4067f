"""`convsweep predict CHECKPOINT FILES`: predictions of a trained network for files."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from convsweep.cli import commands
from convsweep.errors import UserError

if TYPE_CHECKING:
    from convsweep.inference.predict.predictor import Predictor
    from convsweep.inference.predict.reading import Reader
    from convsweep.inference.predict.table import Predictions

# Exit code if some files could not be used.
UNFIT_FILES = 3
EXAMPLES = {
    "outputs/DAY/TIME_NAME photos/new": "the best checkpoint of a run",
    "multirun/depth_kernel_digits 1.png 2.png --out answers": "the winner of a sweep",
    "fold0.ckpt fold1.ckpt photos/new": "an ensemble of two",
    "best.ckpt slides --tile 256 --overlap 0.5 --mirror all": "large images in overlapping tiles",
    "best.ckpt interview.flac": "a long recording, cleaned: recordings/interview.wav",
    "best.ckpt scans.npz --device cuda --batch-size 256": "arrays: signals, images or volumes",
}
NOTES = f"""\
A classification gives predictions.csv: class and probabilities of each sample. A segmentation gives
masks of class indices as well, and overlays; a denoiser gives cleaned signals. Files are read as
the training data was: images, arrays (.npy, .npz), volumes (.nii, .nii.gz), recordings (.wav, .flac
and others).
Exit code {UNFIT_FILES}: some files could not be used, which are listed at the end."""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options of a command line."""
    parser = commands.network_parser(
        "predict", "Apply a trained network to files.", EXAMPLES, NOTES, out="predictions"
    )
    parser.add_argument(
        "files",
        metavar="FILES",
        nargs="+",
        type=Path,
        help="images, arrays, volumes, recordings, or folders",
    )
    parser.add_argument(
        "--fit",
        choices=("auto", "stretch", "crop", "pad", "tiles"),
        default="auto",
        help=(
            "how images of another size come to the network's: as the training data did (auto),"
            " resized, or in tiles"
        ),
    )
    parser.add_argument(
        "--tile",
        type=int,
        nargs="+",
        metavar="N",
        help="size of the tiles: one number, or one for each axis",
    )
    parser.add_argument(
        "--overlap",
        type=float,
        help="share of a tile that the next one covers again (as in training, else 0.5)",
    )
    parser.add_argument(
        "--mirror",
        choices=("none", "last", "all"),
        default="none",
        help=(
            "average over mirrored copies: along the last axis (left and right), or along all axes"
        ),
    )
    parser.add_argument(
        "--convert-color",
        action="store_true",
        help="turn images grey or RGB as the network needs them",
    )
    parser.add_argument(
        "--no-overlays", dest="overlays", action="store_false", help="write masks alone"
    )
    parser.add_argument(
        "--batch-size", type=int, default=32, help="samples or tiles at a time (32)"
    )
    parser.add_argument(
        "--device", default="auto", help="cpu, cuda, cuda:1, mps, or the fastest there is (auto)"
    )
    return commands.parse(parser, arguments)


def predict(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    options = parse(arguments)
    if options.batch_size < 1:
        raise UserError(f"--batch-size must be at least 1, but is {options.batch_size}")
    if options.tile and min(options.tile) < 1:
        raise UserError(f"--tile must be at least 1, but is {' '.join(map(str, options.tile))}")
    if options.overlap is not None and not 0 <= options.overlap < 1:
        raise UserError(
            f"--overlap must be a share of a tile, 0 <= overlap < 1, but is {options.overlap}"
        )
    from convsweep.inference.predict.inputs import find_files
    from convsweep.training.members import split_networks

    networks, files = split_networks([*options.networks, *options.files])
    if not files:
        raise UserError(
            f"predict needs files after the networks, but {networks[-1]} is a network; name"
            " images, arrays, volumes, recordings, or folders of them"
        )
    names = find_files(files)
    commands.check_out(options.out, options.overwrite)

    from convsweep.training.trained import load_trained

    trained = load_trained(networks, options.device, options.batch_size)
    if options.tile and not trained.is_dense:
        raise UserError(
            "--tile is for what answers at every position, but this is a classifier; leave it out"
        )

    from convsweep.inference.predict.formats import Formats, Reading
    from convsweep.inference.predict.predictor import Predictor
    from convsweep.inference.predict.reading import Reader
    from convsweep.inference.predict.table import Predictions

    axes = len(trained.info.spatial_shape)
    tile = options.tile * axes if options.tile and len(options.tile) == 1 else options.tile
    predictor = Predictor(trained, options.batch_size, options.mirror, tile, options.overlap)
    formats = Formats(trained, Reading(options.fit, options.convert_color, options.overlays))
    with (
        Predictions(options.out / "predictions.csv", trained.info, trained.task) as rows,
        commands.progress("predict", len(names)) as advance,
    ):
        reader = Reader(formats, names, advance)
        write_all(predictor, reader, rows, options.out)
    return conclude(rows, reader, files)


def write_all(predictor: "Predictor", reader: "Reader", rows: "Predictions", out: Path) -> None:
    """Write the results of all samples."""
    for file, sample, result in predictor(reader):
        name = f"{file}{sample.name.removeprefix(file.name)}"
        if not rows.task.is_dense:
            rows.add(name, [], result)
            continue
        written = (
            reader.formats.of(file)
            .write(sample, result, out, reader.names[file])
            .relative_to(out)
            .as_posix()
        )
        rows.add(name, [written], result)


def conclude(rows: "Predictions", reader: "Reader", named: Sequence[Path]) -> int:
    """Print a summary and return the exit code."""
    from convsweep.cli.console import console, short_path
    from convsweep.data.files.decoding import unfit_message

    if rows.count:
        console.print(rows.preview())
        console.print(rows.summary(), soft_wrap=True, markup=False)
        folders = [
            f", {child.name}/" for child in sorted(rows.path.parent.iterdir()) if child.is_dir()
        ]
        console.print(
            f"results: {short_path(rows.path.absolute())}{''.join(folders)}",
            soft_wrap=True,
            markup=False,
        )
    if not reader.unfit:
        if not rows.count:
            raise UserError(
                f"{' '.join(map(str, named))}: only further channels of scans; name the files of"
                " the first channel too"
            )
        return 0
    message = unfit_message(sorted(reader.unfit), len(reader.names), " ".join(map(str, named)))
    if not rows.count:
        raise UserError(message)
    sys.stderr.write(f"{message}\n")
    return UNFIT_FILES


if __name__ == "__main__":
    commands.run(lambda: predict(sys.argv[1:]))
