"""Colours of a report by name, and the states and outcomes of trials with their colours."""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


def fill_in_colours(value: Any) -> Any:
    """Return plain data with the palette's names, such as `@accent`, replaced by colours."""
    if isinstance(value, str):
        return palette().get(value[1:], value) if value.startswith("@") else value
    if isinstance(value, dict):
        return {key: fill_in_colours(item) for key, item in value.items()}
    return [fill_in_colours(item) for item in value] if isinstance(value, list | tuple) else value


def coloured_svg(svg: str) -> str:
    """Return a drawing with a background, and with the page's CSS variables, such as
    `var(--accent)`, replaced by colours.
    """
    on_paper = svg.replace("<svg ", '<svg style="background: var(--paper)" ', 1)
    return re.sub(r"var\(--([\w-]+)\)", lambda found: palette()[found[1]], on_paper)


@cache
def palette() -> dict[str, str]:
    """Return the colours by name."""
    css = files("convsweep.review.report").joinpath("page.css").read_text()
    light = css[css.index(":root {") : css.index("}")]
    return dict(re.findall(r"--([\w-]+): (#\w+)", light))


@dataclass(frozen=True)
class KindStyle:
    """A kind of outcome: its colour in the palette, and what it means."""

    colour: str
    meaning: str


KINDS = {
    "complete": KindStyle("@accent", "trained to the end"),
    "pruned": KindStyle("@warm", "stopped early as unpromising"),
    "paused": KindStyle("@notice-line", "waits with its checkpoint for others of its rung"),
    "infeasible": KindStyle("@faint", "cannot be built or exceeds the budget; not counted"),
    "duplicate": KindStyle("@sand", "the same network as an earlier trial; not counted"),
    "out_of_memory": KindStyle("@violet", "out of memory"),
    "timed_out": KindStyle("@olive", "exceeded its time limit"),
    "diverged": KindStyle("@pink", "loss not finite"),
    "killed": KindStyle("@muted", "terminated from outside; retried"),
    "error": KindStyle("@bad", "raised an error"),
    "running": KindStyle("@teal", "still training"),
    "waiting": KindStyle("@line", "queued"),
}


def in_words(kind: str) -> str:
    """Return a kind as text."""
    return kind.replace("_", " ")
