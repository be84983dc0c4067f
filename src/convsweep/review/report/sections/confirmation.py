"""Results of a confirmation of the winners, if there is one."""

from collections.abc import Mapping
from typing import Any

from convsweep.cli.console import short_path
from convsweep.cli.shell_command import shell_command
from convsweep.review.confirm import document
from convsweep.review.report.rendering.blocks import Block, Bullets, Code, Notice, Table, Text
from convsweep.review.report.rendering.phrases import count_text, number
from convsweep.review.study import Sweep


def confirmation_of(sweep: Sweep) -> Mapping[str, Any] | None:
    """Return the content of the sweep's confirm.json, or None without a confirmation."""
    return document.read(sweep.folder) if sweep.folder else None


def confirmation_blocks(sweep: Sweep, content: Mapping[str, Any] | None) -> list[Block]:
    """Return the verdict and the networks that were trained again, or the command for it."""
    if content is None:
        if sweep.best is None or sweep.folder is None:
            return []
        words = (
            "Not confirmed: each network was trained once. This trains the best ones and a baseline"
            " again with fresh seeds:"
        )
        return [Text(words), Code(shell_command("confirm", short_path(sweep.folder)))]
    blocks: list[Block] = [Notice(content["verdict"]["words"])]
    if not content["is_finished"]:
        blocks.append(Text("Some of its trainings have not ended yet."))
    split = content["verdict"]["split"]
    folds = content.get("folds")
    unit = "seed" if folds is None else "fold"
    header = [
        "network",
        "validation",
        "test",
        f"difference to the baseline ({split})",
        "parameters",
        f"{unit}s",
    ]
    rows = [
        [
            network["name"],
            spread_in_words(network["validation"]),
            spread_in_words(network["test"]),
            difference_in_words(network["difference"].get(split)),
            network["cost"]["params"],
            sum(training["kind"] == "complete" for training in network["trainings"]),
        ]
        for network in content["networks"]
    ]
    over = (
        f"{count_text(len(content['seeds']), 'seed')} that the search has not used"
        if folds is None
        else f"{folds} folds of the data, with a seed that the search has not used"
    )
    if not content["is_finished"]:
        over = f"those that ended of {over}"
    told = [
        f"Mean ± standard deviation over {over}; differences are paired by {unit}, with a"
        f" {content['confidence']:.0%} interval."
    ]
    if any(network["test"] for network in content["networks"]):
        told.append("The test split was evaluated here for the first time.")
    return [*blocks, Table(header, rows, in_markdown=30), Bullets(told)]


def spread_in_words(spread: Mapping[str, Any] | None) -> str:
    """Return a mean with its standard deviation as text."""
    if spread is None:
        return ""
    std = spread.get("std")
    return number(spread["mean"]) + ("" if std is None else f" ± {number(std, 2)}")


def difference_in_words(difference: Mapping[str, Any] | None) -> str:
    """Return a paired difference with its interval as text."""
    if difference is None:
        return ""
    low, high = difference.get("low"), difference.get("high")
    interval = "" if low is None or high is None else f" [{low:+.3g}, {high:+.3g}]"
    return f"{difference['mean']:+.3g}{interval}"
