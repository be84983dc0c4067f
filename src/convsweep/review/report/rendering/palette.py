"""The colours of a report by name, for what is drawn outside of its page: those of the light page."""

import re
from functools import cache
from importlib.resources import files
from typing import Any


def coloured(value: Any) -> Any:
    """Return plain data with the palette's names, such as `@accent`, replaced by colours."""
    if isinstance(value, str):
        return palette().get(value[1:], value) if value.startswith("@") else value
    if isinstance(value, dict):
        return {key: coloured(item) for key, item in value.items()}
    return [coloured(item) for item in value] if isinstance(value, list | tuple) else value


def coloured_svg(svg: str) -> str:
    """Return a drawing on paper, with the page's CSS variables, such as `var(--accent)`, replaced by colours."""
    on_paper = svg.replace("<svg ", '<svg style="background: var(--paper)" ', 1)
    return re.sub(r"var\(--([\w-]+)\)", lambda found: palette()[found[1]], on_paper)


@cache
def palette() -> dict[str, str]:
    """Return the colours by name."""
    css = files("convsweep.review.report").joinpath("page.css").read_text()
    light = css[css.index(":root {") : css.index("}")]
    return dict(re.findall(r"--([\w-]+): (#\w+)", light))
