"""`convsweep export CHECKPOINT`: a trained network as a standalone program, checked and timed."""

import argparse
import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convsweep.cli import commands
from convsweep.cli.next_commands import say_commands

if TYPE_CHECKING:
    from rich.table import Table

    from convsweep.inference.export.checking import Check
    from convsweep.inference.export.latency import Times
    from convsweep.inference.export.programs import Program
    from convsweep.inference.inference_model import Deployed
    from convsweep.training.trained import Trained

# Size of the check: samples, and total values.
MAX_SAMPLES, MAX_VALUES = 64, 4_000_000
BATCH_SIZES = (1, 32)
# Largest difference of an answer a sample, and of one at every position: these are millions, after
# normalisations that sum over a whole image or volume, and onnxruntime sums in single precision. A
# 3-D U-Net of Hippocampus: 0.0009 at most; torch 0.00001 (against double precision).
TOLERANCE, DENSE_TOLERANCE = 1e-4, 5e-3
EXAMPLES = {
    "outputs/DAY/TIME_NAME": "the best checkpoint of a run",
    "multirun/depth_kernel_digits photos/new": "a winner, checked on your own files",
    "best.ckpt --format onnx --out served": "ONNX alone",
    "multirun/DAY/TIME": "the folds of a multirun, as one file",
}
NOTES = """\
Writes model.pt2 (torch.export), model.onnx, and export.json with differences and latencies. Both
take raw float32 samples in batches of any length and return what predict does; what they expect and
the class names are in their metadata."""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options of a command line."""
    parser = commands.network_parser(
        "export",
        "Write a trained network as torch.export and ONNX programs, checked and timed.",
        EXAMPLES,
        NOTES,
        out="exported",
    )
    parser.add_argument(
        "files",
        metavar="FILES",
        nargs="*",
        type=Path,
        help="samples for the check (default: digits)",
    )
    parser.add_argument(
        "--format", choices=("all", "pt2", "onnx"), default="all", help="what to write (all)"
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        help="largest difference of an answer, or part of the largest answer above 1"
        f" ({TOLERANCE:g}; of answers at every position {DENSE_TOLERANCE:g})",
    )
    parser.add_argument(
        "--no-latency",
        dest="latency",
        action="store_false",
        help="do not measure how long a batch takes",
    )
    return commands.parse(parser, arguments)


def export(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    options = parse(arguments)
    commands.check_out(options.out, options.overwrite)

    from convsweep.training.members import split_networks
    from convsweep.training.trained import load_trained

    networks, files = split_networks([*options.networks, *options.files])
    trained = load_trained(networks, "cpu", max(BATCH_SIZES))
    # a .pt2 file stores weights of other layouts incompletely
    for member in trained.members:
        member.model.memory_format = "contiguous"
        member.model.lay_out(trained.device)

    from convsweep.inference.export.checking import check
    from convsweep.inference.export.latency import latencies
    from convsweep.inference.export.programs import check_extra
    from convsweep.inference.export.real_samples import samples_of_digits, samples_of_files
    from convsweep.inference.inference_model import Deployed

    if options.format != "pt2":
        check_extra()
    count = max(4, min(MAX_SAMPLES, MAX_VALUES // math.prod(trained.info.in_shape)))
    x = samples_of_files(trained, files, count) if files else samples_of_digits(trained, count)
    deployed = Deployed(trained.model, trained.permute)
    tolerance = options.tolerance
    if tolerance is None:
        tolerance = DENSE_TOLERANCE if trained.is_dense else TOLERANCE
    options.out.mkdir(parents=True, exist_ok=True)
    programs, checks = [], {}
    with commands.progress("export", 3 if options.format == "all" else 2) as advance:
        for program in write_programs(trained, deployed, options.format, options.out):
            has_classes = trained.info.kind.has_classes
            checks[program.name] = check(
                deployed.run, program, x, tolerance, has_classes=has_classes
            )
            programs.append(program)
            advance(1)
        runs = {"eager": deployed.run} | {program.name: program.run for program in programs}
        times = latencies(runs, x, BATCH_SIZES) if options.latency else {}
        advance(1)
    conclude(trained, programs, checks, times, options.out)
    named = [str(network) for network in networks]
    say_commands((("predict", *named, "FILES"), "apply the network to files"))
    return 0


def write_programs(
    trained: "Trained", deployed: "Deployed", kind: str, out: Path
) -> Iterator["Program"]:
    """Yield the requested programs, each written after the one before has been used."""
    from convsweep.inference.export import programs

    about = programs.description(trained, deployed.answer_name)
    graph = programs.trace(deployed, trained.info.in_shape)
    if kind != "onnx":
        yield programs.write_torch(graph, about, out / "model.pt2")
    if kind != "pt2":
        yield programs.write_onnx(graph, about, deployed.answer_name, out / "model.onnx")


def conclude(
    trained: "Trained",
    programs: Sequence["Program"],
    checks: dict[str, "Check"],
    times: "Times",
    out: Path,
) -> None:
    """Write `export.json` and print the results."""
    from convsweep.cli.console import console, short_path
    from convsweep.inference.export.latency import machine
    from convsweep.run_folder import write_atomically

    record: dict[str, Any] = {
        **trained.checkpoints,
        "checks": {name: asdict(check) for name, check in checks.items()},
        "milliseconds": times,
        "machine": machine(),
    }
    write_atomically(out / "export.json", json.dumps(record, indent=2) + "\n")
    console.print(table(checks, times))
    if times:
        console.print(machine(), soft_wrap=True, markup=False)
    for program in programs:
        size = program.file.stat().st_size / 2**20
        console.print(
            f"{program.name}: {short_path(program.file.absolute())} ({size:.2f} MiB)",
            soft_wrap=True,
            markup=False,
        )


def table(checks: dict[str, "Check"], times: "Times") -> "Table":
    """Return the results as a table with one row a program."""
    from rich.table import Table

    found = Table(box=None, padding=(0, 2, 0, 0))
    agreements = {
        name: check.agreement for name, check in checks.items() if check.agreement is not None
    }
    columns = ["", "samples", "largest difference", *(["same class"] if agreements else [])]
    for name in (*columns, *(f"ms, batch {size}" for size in BATCH_SIZES if times)):
        found.add_column(name, justify="left" if not name else "right")
    for name in [*(["eager"] if times else []), *checks]:
        check = checks.get(name)
        cells = [f"{check.samples}", f"{check.difference:.2g}"] if check else ["", ""]
        same = [f"{agreements[name]:.2%}" if name in agreements else ""] if agreements else []
        found.add_row(
            name, *cells, *same, *(f"{value:.3g}" for value in times.get(name, {}).values())
        )
    return found


if __name__ == "__main__":
    commands.run(lambda: export(sys.argv[1:]))
