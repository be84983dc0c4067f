"""card.md: what the network is, for what, how good, and how to make it again."""

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from convsweep.auto.context import StageContext
from convsweep.auto.evidence import (
    Calibration,
    Interval,
    calibration,
    groups_of,
    interval_of_test,
)
from convsweep.auto.files import PRESET, Files
from convsweep.auto.request import AutoRequest
from convsweep.auto.state import State
from convsweep.auto.summary import (
    against_text,
    cost_of,
    network_text,
    size_text,
    used_energy,
    validation_text,
)
from convsweep.cli.duration import duration_text
from convsweep.cli.shell_command import shell_command
from convsweep.run_folder import write_atomically

CARD = "card.md"
# Below this many test samples an interval is too wide to say much.
FEW_TESTED, FEW_GROUPS, FEW_OF_CLASS = 100, 20, 20
MAX_CLASSES, MAX_RARE = 50, 5
# Of the plan's look at the data.
PICTURES = {"samples.png": "samples", "faulty.png": "samples at fault"}


def write_card(context: StageContext) -> Path:
    """Write card.md and return its path."""
    path = context.folder / CARD
    write_atomically(path, card_text(context.files, context.state, context.request))
    return path


def card_text(files: Files, state: State, request: AutoRequest) -> str:
    """Return the card."""
    parts = [
        (f"Model card: {files.folder.name}", what_it_is(files)),
        ("For what", for_what(files)),
        ("Data", data_text(files)),
        ("Scores", scores_text(files, state)),
        ("Calibration", calibration_text(files)),
        ("Cost", cost_text(files)),
        ("Limits", limits_text(files)),
        ("How it was made", how_made(files, state, request)),
        ("To make it again", again_text(files, state)),
    ]
    marks = ["#", *["##"] * (len(parts) - 1)]
    return (
        "\n\n".join(
            f"{mark} {title}\n\n{text}" for mark, (title, text) in zip(marks, parts, strict=True)
        )
        + "\n"
    )


def what_it_is(files: Files) -> str:
    """Return the network and its files."""
    return "\n".join(
        [
            f"- Network: {network_text(files)}",
            *(
                f"- Checkpoint: `{inside(files, folder)}/checkpoints/best.ckpt`"
                for folder in files.networks
            ),
            f"- Size: {size_text(files)}",
        ]
    )


def for_what(files: Files) -> str:
    """Return the task, the input and how to use it."""
    cost, networks = cost_of(files), [str(folder) for folder in files.networks]
    answers = files.plan.get("answers")
    shape = "x".join(map(str, cost.get("in_shape") or ()))
    lines = [
        f"- Input: {shape} (channels first)" if shape else "",
        windows_text(shape, files.plan.get("window_overlap")),
        f"- Answers: {answers}" if answers else "",
        "- It answers with one of these even where none fits."
        if files.plan.get("has_classes")
        else "",
        f"- Use: {code(shell_command('predict', *networks, 'FILES', '--out', 'answers'))}",
        "- It was tested on samples like those that it was trained on, on no others.",
    ]
    return "\n".join(line for line in lines if line)


def windows_text(shape: str, overlap: float | None) -> str:
    """Return how samples are answered that are larger than what the network was trained on.

    Args:
        shape: of a window, with the channels.
        overlap: share of a window that the next one overlaps; None: samples have one size.
    """
    if overlap is None:
        return ""
    return (
        f"- Larger ones are answered in windows of {shape or 'this size'}, each of which shares"
        f" {overlap:.0%} of an axis with the next (`predict --tile`, `--overlap`); smaller ones are"
        " padded by mirroring."
    )


def data_text(files: Files) -> str:
    """Return what the data is, its parts, and what the look found wrong."""
    plan = files.plan
    counts = [
        f"{int(plan[f'num_{part}']):,} {words}"
        for part, words in (("train", "to train"), ("val", "to choose by"), ("test", "to test"))
        if plan.get(f"num_{part}") is not None
    ]
    lines = [f"- {plan['data']}" if plan.get("data") else "", f"- {', '.join(counts)}"]
    warnings = [f"- Doubtful: {text}" for text in plan.get("warnings") or []]
    pictures = [
        f"\n![{words}]({name})"
        for name, words in PICTURES.items()
        if (files.folder / name).is_file()
    ]
    said = [line for line in [*lines, *warnings] if line.strip("- ")]
    return "\n".join([*said, *pictures])


def scores_text(files: Files, state: State) -> str:
    """Return scores with intervals, the comparison, and the scores of each class or number."""
    metrics = files.evaluation.get("metrics", {})
    interval = interval_of_test(files.metric.removeprefix("val/"), files.samples)
    rows = []
    for name, value in metrics.items():
        is_main = name == files.metric.removeprefix("val/")
        between = interval_text(interval) if is_main else ""
        rows.append([name, f"{value:.4f}", between])
    earlier = "; it is of trainings before the last one, which were not trained on these samples"
    parts = [
        f"Validation: {validation_text(files)}. These samples chose epoch and network, so the score"
        f" is too good by a little{earlier if files.winner_result else ''}.",
        f"Against the baseline: {against_text(files, state)}.",
    ]
    if rows:
        count = int(files.evaluation["samples"])
        parts.append(f"Test, on {count:,} samples that were used for nothing else:")
        parts.append(table(["score", "value", "95 % interval"], rows))
    found = files.evaluation
    each: Sequence[Mapping[str, Any]] = found.get("classes") or found.get("numbers") or []
    if each:
        heads = list(each[0])
        cells = [[cell(row.get(head)) for head in heads] for row in each[:MAX_CLASSES]]
        parts.append(table(heads, cells))
    return "\n\n".join(parts)


def interval_text(interval: Interval | None) -> str:
    """Return an interval with its method; empty if there is none."""
    if interval is None:
        return ""
    return f"{interval.low:.4f} to {interval.high:.4f} ({interval.method})"


def calibration_text(files: Files) -> str:
    """Return how well calibrated the probabilities are."""
    found = calibration(files.samples)
    if found is None:
        return "Not measured: the test has no probability of each answer."
    return (
        f"On the test part it says {found.confidence:.3f} on average and is right in"
        f" {found.accuracy:.3f} of the cases; expected calibration error {found.error:.3f} (15"
        f" bins, {found.count:,} samples). {calibration_advice(found)}"
    )


def calibration_advice(found: Calibration) -> str:
    """Return what follows for someone who uses the probabilities."""
    if found.count < FEW_TESTED:
        return "So few samples say little about it."
    if found.confidence - found.accuracy > 0.02:
        return "It is too sure of itself; do not read its probabilities as chances."
    if found.accuracy - found.confidence > 0.02:
        return "It is right more often than it says."
    return "On average its probabilities agree with how often it is right."


def cost_text(files: Files) -> str:
    """Return parameters, operations, memory and latency."""
    from convsweep.cost import in_bytes, in_si  # imports torch

    cost = cost_of(files)
    lines = [
        f"- Parameters: {cost['params']:,}" if cost.get("params") else "",
        f"- Multiply-accumulates of a sample: {in_si(cost['macs'])}" if cost.get("macs") else "",
        f"- Memory of a training step: {in_bytes(cost['memory'])}" if cost.get("memory") else "",
    ]
    times: Mapping[str, Mapping[str, float]] = files.export.get("milliseconds", {})
    if times:
        sizes = list(next(iter(times.values())))
        heads = ["program", *(f"ms, batch of {size}" for size in sizes)]
        rows = [[name, *(f"{each[size]:.3g}" for size in sizes)] for name, each in times.items()]
        lines += ["", table(heads, rows), "", str(files.export["machine"])]
    return "\n".join(lines).strip()


def limits_text(files: Files) -> str:
    """Return what the scores do not say."""
    count = int(files.evaluation.get("samples") or 0)
    said = []
    if not files.evaluation:
        said.append("- There was no test: the scores are of samples that chose the network.")
    elif count < FEW_TESTED:
        said.append(f"- {count} test samples are few: one of them is {1 / count:.1%} of the score.")
    said += rare_classes_text(files.evaluation.get("classes") or [])
    groups = len(groups_of(files.samples) or ())
    if 0 < groups < FEW_GROUPS:
        said.append(f"- The test part has {groups} groups, which are few: the interval is rough.")
    if not files.confirmation:
        said.append("- Nothing was compared with the baseline by several trainings.")
    said.append(
        "- The interval of the test says what other samples of the same source would change, not"
        " what another source would."
    )
    return "\n".join(said)


def rare_classes_text(classes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return which classes have few test samples; of masks, positions are counted, which say
    nothing of that.
    """
    few = [
        f"{each['class']} ({each['count']})"
        for each in sorted(classes, key=lambda each: int(each["count"]))
        if "f1" in each and each["count"] < FEW_OF_CLASS
    ]
    if not few:
        return []
    more = f" and {len(few) - MAX_RARE} more classes" if len(few) > MAX_RARE else ""
    return [f"- Few test samples are of {', '.join(few[:MAX_RARE])}{more}: their scores are rough."]


def how_made(files: Files, state: State, request: AutoRequest) -> str:
    """Return the stages with their times, and the energy of all."""
    rows = [
        [name, each.status.replace("_", " "), duration_text(each.seconds), each.note]
        for name, each in state.stages.items()
        if name != "card"
    ]
    seconds, energy = request.seconds, used_energy(state, request.joules)
    asked = "" if seconds is None else f" of a budget of {duration_text(seconds)}"
    took = f"{duration_text(state.seconds)}{asked}; {len(files.trials)} trials in the search."
    used = f" Energy: {energy}." if energy else ""
    return f"{took}{used}\n\n" + table(["stage", "how it ended", "time", "note"], rows)


def again_text(files: Files, state: State) -> str:
    """Return the commands, and the versions that they ran with."""
    commands = [shell_command(*each.command) for each in state.stages.values() if each.command]
    versions = ", ".join(
        f"{name} {version(name)}" for name in ("convsweep", "torch", "lightning", "optuna")
    )
    plan = f"Every decision of the plan has its reason in `{PRESET}.yaml`."
    return f"{plan} With {versions}:\n\n" + "\n".join(f"    {text}" for text in commands)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(each.replace('|', '/') for each in row)} |" for row in lines)


def cell(value: Any) -> str:
    """Return a value of a table as text."""
    return f"{value:.3f}" if isinstance(value, float) else "" if value is None else str(value)


def code(text: str) -> str:
    """Return text as code in Markdown."""
    return f"`{text}`"


def inside(files: Files, path: Path) -> str:
    """Return a path relative to the run's folder."""
    return str(path.relative_to(files.folder)) if path.is_relative_to(files.folder) else str(path)
