"""`convsweep auto` against the plain `convsweep train`, on the same data within the same time.

    python benchmarks/auto.py SOURCE FOLDER [--budget 30min] [--only fashion_mnist osuleaf ...] [--with num_threads=1 ...]
    python benchmarks/auto.py SOURCE FOLDER --write     # the table of what is measured into docs/auto.md

SOURCE is that of `benchmarks/real_data.py`, which writes the sets that need it into FOLDER/data, and
holds ucr/*.npz and Task04_Hippocampus/{imagesTr,labelsTr}. For each set FOLDER/SET gets three
networks: that of `auto`, the baseline of its plan, and that of `train` with the same overrides,
which ends by itself or when the budget is spent. All are tested on the same samples, and compared
by the bootstrap over these. benchmarks/auto.jsonl has a line for each set that is measured; without
its line a set is measured again. The same command goes on where it was stopped; a set that failed
is named, and tried again. At most twice the budget a set.
"""  # noqa: E501

import argparse
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from measured import Kept
from real_data import SETS as WRITERS

from convsweep.auto.evidence import interval_of_difference, interval_of_test
from convsweep.auto.files import Files
from convsweep.auto.reading import read_json, read_rows
from convsweep.auto.state import read_state
from convsweep.cli.duration import duration_text, parse_duration
from convsweep.run_folder import read_result

PAGE = Path(__file__).parents[1] / "docs" / "auto.md"
MARKS = re.compile(r"<!-- measured -->\n.*?<!-- end -->", re.DOTALL)
PER_CLASS = 1000  # images of Fashion-MNIST and CIFAR-10, in each part
ROWS = Path(__file__).with_suffix(".jsonl")
NETWORKS = ("auto", "baseline", "train")


@dataclass(frozen=True)
class Set:
    """A data set.

    Attributes:
        name: of it, in the table.
        overrides: of both commands; {data} and {source} stand for folders.
        published: what others report, on other splits or more data where it says so.
    """

    name: str
    overrides: tuple[str, ...]
    published: str


MASKS = ("model=segmentation", "data=mask_folder", "data.coding=binary")
SETS = {
    "fashion_mnist": Set(
        "Fashion-MNIST, 10,000 images",
        ("data=image_folder", "data.root={data}/fashion_mnist"),
        "0.925 (two convolutions), on 60,000",
    ),
    "cifar10": Set(
        "CIFAR-10, 10,000 images",
        ("data=image_folder", "data.root={data}/cifar10"),
        "0.917 (ResNet-20), on 50,000",
    ),
    "dsb2018": Set(
        "DSB2018, nuclei",
        (*MASKS, "data.root={data}/dsb2018"),
        "IoU 0.839 (U-Net), another split",
    ),
    "isbi2012": Set(
        "ISBI 2012, membranes",
        (*MASKS, "data.root={data}/isbi2012", "data.holdout='2[4-9]'"),
        "0.939 of the pixels (U-Net), hidden test",
    ),
    "hippocampus": Set(
        "Hippocampus, volumes",
        (
            "model=segmentation",
            "data=nifti_folder",
            "data.root={source}/Task04_Hippocampus",
            "data.images=imagesTr",
            "data.masks=labelsTr",
            "data.num_classes=3",
        ),
        "Dice 0.858 (U-Net), 0.89 to 0.90 (nnU-Net), five folds",
    ),
    "osuleaf": Set(
        "OSULeaf, signals",
        ("data=ucr", "data.root={source}/ucr", "data.dataset=OSULeaf"),
        "0.979 (ResNet, 1,500 epochs)",
    ),
    "japanese_vowels": Set(
        "JapaneseVowels, 12 channels",
        ("data=ucr", "data.root={source}/ucr", "data.dataset=JapaneseVowels"),
        "0.992 (ResNet, 1,500 epochs)",
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--budget", default="30min")
    parser.add_argument("--only", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--with", nargs="+", default=[], dest="more", help="overrides of both")
    parser.add_argument("--write", action="store_true", help="the table into docs/auto.md")
    options = parser.parse_args()
    if not options.write:
        for name in options.only:
            print(f"{name}: {measure(name, options) or 'measured'}", flush=True)
    text = table(Kept(ROWS).rows)
    print(text)
    if options.write:
        page = PAGE.read_text()
        PAGE.write_text(MARKS.sub(lambda _: f"<!-- measured -->\n\n{text}\n\n<!-- end -->", page))


def measure(name: str, options: argparse.Namespace) -> str:
    """Do what is missing of a set; return what failed, if something did."""
    folder, data = options.folder.absolute() / name, options.folder.absolute() / "data"
    kept = Kept(ROWS)
    if any(row["set"] == name for row in kept.rows):
        return ""
    write_set(name, options.source, data)
    places = {"data": data, "source": options.source.absolute()}
    own = [text.format(**places) for text in SETS[name].overrides]
    own += ["logger=csv", *options.more]
    seconds = parse_duration(options.budget)
    folder.mkdir(parents=True, exist_ok=True)
    load = os.getloadavg()[0]
    trained, files = folder / "train", Files(folder / "auto")
    commands = {
        "auto": ["auto", *own, f"budget={options.budget}", f"folder={files.folder}"],
        "train": [
            "train",
            *own,
            max_time(seconds),
            f"hydra.run.dir={trained}",
            "ckpt_path=last",
            "test=false",
        ],
        "baseline's test": test_command(files.baseline, folder),
        "train's test": test_command(trained, folder),
    }
    done = {
        "auto": files.folder / "card.md",
        "baseline's test": folder / "test_baseline" / "evaluation.json",
        "train's test": folder / "test_train" / "evaluation.json",
    }
    for what, command in commands.items():
        is_done = bool(read_result(trained)) if what == "train" else done[what].is_file()
        if not is_done and (code := run(command, folder, f"{what}.log")):
            return f"{what} failed with exit code {code}, see {folder / what}.log"
    kept.add({"set": name, **make_row(folder, seconds), "load": load, "machine": machine()})
    return ""


def machine() -> str:
    """Return the cores of this process, and the versions of the packages that matter."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "lightning", "optuna"))
    return f"{len(os.sched_getaffinity(0))} cores, {packages}"


def max_time(seconds: float) -> str:
    """Return the override that ends a training, in days, hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"trainer.max_time={hours // 24:02}:{hours % 24:02}:{minutes:02}:{rest:02}"


def write_set(name: str, source: Path, data: Path) -> None:
    """Write a set as files, if it is not read where it is."""
    if name not in WRITERS or (data / name).exists():
        return
    command = [sys.executable, str(Path(__file__).with_name("real_data.py")), str(source)]
    subprocess.run([*command, str(data), "--only", name, "--per-class", str(PER_CLASS)], check=True)


def test_command(trained: Path, folder: Path) -> list[str]:
    """Return the command that tests a training."""
    out = str(folder / f"test_{trained.name}")
    return [
        "evaluate",
        str(trained),
        "--split",
        "test",
        "--worst",
        "0",
        "--out",
        out,
        "--overwrite",
    ]


def run(command: list[str], folder: Path, log: str) -> int:
    """Run a command of convsweep and return its exit code; what it prints is added to a file."""
    with (folder / log).open("a") as file:
        print(" ".join(command), file=file, flush=True)
        own = [sys.executable, "-m", "convsweep", *command]
        return subprocess.run(own, cwd=folder, stdout=file, stderr=subprocess.STDOUT).returncode


def make_row(folder: Path, seconds: float) -> dict[str, Any]:
    """Return scores, intervals and times of a set that is measured."""
    files = Files(folder / "auto")
    state = read_state(files.folder)
    assert state is not None, "auto has ended"
    metric = files.metric.removeprefix("val/")
    tests = {
        "auto": files.test,
        "baseline": folder / "test_baseline",
        "train": folder / "test_train",
    }
    answers = {name: read_rows(test / "samples.csv") for name, test in tests.items()}
    scores = {
        name: read_json(test / "evaluation.json")["metrics"][metric] for name, test in tests.items()
    }
    networks = {"auto": files.networks[0], "baseline": files.baseline, "train": folder / "train"}
    return {
        "metric": metric,
        "mode": files.plan["mode"],
        "budget_s": seconds,
        "auto_s": state.seconds,
        "train_s": read_result(folder / "train").get("seconds"),
        "trials": len(files.trials),
        "complete": len(files.complete),
        "verdict": (files.confirmation.get("verdict") or {}).get("answer"),
        "left_out": {name: each.note for name, each in state.stages.items() if each.note},
        "num_test": len(answers["auto"]),
        "scores": scores,
        "params": {
            name: (read_result(each).get("cost") or {}).get("params")
            for name, each in networks.items()
        },
        "intervals": {name: ends(interval_of_test(metric, answers[name])) for name in NETWORKS},
        "differences": {
            name: ends(interval_of_difference(metric, answers["auto"], answers[name]))
            for name in NETWORKS[1:]
        },
    }


def ends(interval: Any) -> list[float] | None:
    """Return the two ends of an interval, if there is one."""
    return None if interval is None else [interval.low, interval.high]


def table(rows: list[dict[str, Any]]) -> str:
    """Return what is measured, as a table in Markdown, and how often which network was better."""
    if not rows:
        return "Nothing is measured yet."
    rows = sorted(rows, key=lambda row: list(SETS).index(row["set"]))
    lines = [
        "| data | test score | `auto` | baseline of its plan | `train` | `auto` - `train`, 95 % |"
        " `auto` - baseline, 95 % | time of `auto`, of `train` | trials (complete) | published |",
        "|---" * 10 + "|",
    ]
    lines += [line_of(row) for row in rows]
    answers = [answer(row, "train") for row in rows]
    said = ", ".join(f"{answers.count(each)} {each}" for each in ("better", "as good", "worse"))
    kept = sum(row["auto_s"] <= 1.1 * row["budget_s"] for row in rows)
    loads = [row["load"] for row in rows]
    machines = "; ".join(sorted({row["machine"] for row in rows}))
    return "\n".join(lines) + (
        f"\n\nOf {len(rows)} sets the network of `auto` is {said} than that of `train`. {kept} kept"
        f" the budget within a tenth. {machines}; load before a set {min(loads):.1f} to"
        f" {max(loads):.1f}."
    )


def line_of(row: dict[str, Any]) -> str:
    """Return the line of a set."""
    cells = [
        SETS[row["set"]].name,
        f"{row['metric']}, {row['num_test']:,} samples",
        *(score_text(row, name) for name in NETWORKS),
        *(difference_text(row, name) for name in ("train", "baseline")),
        f"{duration_text(row['auto_s'])} of {duration_text(row['budget_s'])},"
        f" {duration_text(row['train_s'])}",
        f"{row['trials']} ({row['complete']})",
        SETS[row["set"]].published,
    ]
    return f"| {' | '.join(cells)} |"


def score_text(row: dict[str, Any], name: str) -> str:
    """Return a score with its interval."""
    between = row["intervals"][name]
    text = "" if between is None else f" ({between[0]:.3f} to {between[1]:.3f})"
    return f"{row['scores'][name]:.3f}{text}"


def difference_text(row: dict[str, Any], name: str) -> str:
    """Return the difference to another network with its interval, and in a word what it says."""
    between = row["differences"][name]
    difference = row["scores"]["auto"] - row["scores"][name]
    if between is None:
        return f"{difference:+.3f}, no interval"
    return f"{difference:+.3f} ({between[0]:+.3f} to {between[1]:+.3f}): {answer(row, name)}"


def answer(row: dict[str, Any], name: str) -> str:
    """Return whether the network of auto is better than another one, as good, or worse."""
    between = row["differences"][name]
    if between is None or between[0] <= 0 <= between[1]:
        return "as good"
    return "better" if (between[0] > 0) == (row["mode"] == "max") else "worse"


if __name__ == "__main__":
    main()
