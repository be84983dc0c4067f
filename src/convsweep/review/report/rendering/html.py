"""Rendering of a page as one self-contained HTML file with Plotly, styles, figures and tables."""

import html
import json
import math
import re
from importlib.resources import files
from typing import Any

from convsweep.review.report.rendering.blocks import (
    Block,
    Bullets,
    Card,
    Cards,
    Code,
    Drawing,
    Figure,
    Fold,
    Grid,
    Notice,
    Page,
    Picture,
    Section,
    Table,
    Text,
)

SHELL = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="convsweep.review.report">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{css}</style>
</head>
<body>
<header>
<div class="name"><h1>{title}</h1><p>{subtitle}</p></div>
<button id="theme" type="button" aria-label="switch between light and dark">◐</button>
</header>
<nav>{links}</nav>
<main>
{sections}
</main>
<script>{plotly}</script>
<script>{script}</script>
</body>
</html>
"""

# The start of a tag other than those that figures of a report use.
FOREIGN = re.compile(r"<(?!(br|/?b|/?extra)>)")


def to_html(page: Page) -> str:
    """Return the whole file, including Plotly if there is a figure."""
    own = files("convsweep.review.report")
    body = "\n".join(section_html(section) for section in page.sections)
    plotly = (
        files("plotly").joinpath("package_data/plotly.min.js").read_text()
        if 'class="plot"' in body
        else ""
    )
    links = "".join(
        f'<a href="#{anchor(section.title)}">{html.escape(section.title)}</a>'
        for section in page.sections
    )
    return SHELL.format(
        title=html.escape(page.title),
        subtitle=inline(page.subtitle),
        css=own.joinpath("page.css").read_text(),
        links=links,
        sections=body,
        plotly=plotly.replace("</script", "<\\/script"),
        script=own.joinpath("page.js").read_text(),
    )


def section_html(section: Section) -> str:
    """Return a section."""
    body = "\n".join(block_html(block) for block in section.blocks)
    return (
        "<section"
        f' id="{anchor(section.title)}"><h2>{html.escape(section.title)}</h2>\n{body}\n</section>'
    )


def block_html(block: Block) -> str:
    """Return a block."""
    match block:
        case Text(text):
            return f"<p>{inline(text)}</p>"
        case Notice(text):
            return f'<p class="notice">{inline(text)}</p>'
        case Bullets(items):
            return "<ul>" + "".join(f"<li>{inline(item)}</li>" for item in items) + "</ul>"
        case Cards(cards):
            return '<div class="cards">' + "".join(map(card_html, cards)) + "</div>"
        case Code(text):
            return (
                '<div class="code"><button type="button"'
                f' class="copy">copy</button><pre>{html.escape(text)}</pre></div>'
            )
        case Table():
            return table_html(block)
        case Figure():
            return figure_html(block)
        case Grid(figures):
            return '<div class="grid">' + "".join(map(figure_html, figures)) + "</div>"
        case Drawing(svg):
            return f'<figure class="drawing"><div class="wide">{svg}</div></figure>'
        case Picture(title, png):
            image = f'<img alt="{html.escape(title)}" src="data:image/png;base64,{png}">'
            return f'<figure class="picture"><h3>{inline(title)}</h3>{image}</figure>'
        case Fold(title, blocks):
            inside = "".join(map(block_html, blocks))
            return f"<details><summary>{inline(title)}</summary>{inside}</details>"


def card_html(card: Card) -> str:
    """Return a card."""
    parts = (("label", card.label), ("value", card.value), ("remark", card.remark))
    return (
        '<div class="card">'
        + "".join(f'<div class="{name}">{inline(text)}</div>' for name, text in parts if text)
        + "</div>"
    )


def table_html(table: Table) -> str:
    """Return a table as data; the page's script draws, sorts and pages it."""
    data = as_data({"header": table.header, "rows": table.rows, "page": table.page})
    return f'<div class="table">{data}</div>'


def figure_html(figure: Figure) -> str:
    """Return a figure as data; the page's script draws it in the colours of the page."""
    data = as_data(without_links({"data": figure.data, "layout": figure.layout}))
    size = f"height:{figure.height}px;min-width:{figure.min_width}px"
    words = " ".join(text for text in (figure.caption, figure.gesture) if text)
    caption = f"<figcaption>{inline(words)}</figcaption>" if words else ""
    title = f"<h3>{inline(figure.title)}</h3>" if figure.title else ""
    key = "".join(
        f'<span><i style="background:{variable(colour)}"></i>{inline(name)}</span>'
        for name, colour in figure.key
    )
    title += f'<div class="key">{key}</div>' if key else ""
    return (
        f'<figure>{title}<div class="wide"><div class="plot"'
        f' style="{size}">{data}</div></div>{caption}</figure>'
    )


def without_links(value: Any) -> Any:
    """Return a figure with only a report's own tags in its texts, since Plotly would render
    links.
    """
    if isinstance(value, dict):
        return {key: without_links(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_links(item) for item in value]
    return FOREIGN.sub("&lt;", value) if isinstance(value, str) else value


def variable(colour: str) -> str:
    """Return a colour of the palette as CSS."""
    return f"var(--{colour[1:]})" if colour.startswith("@") else colour


def as_data(value: Any) -> str:
    """Return plain data as a JSON element for the page's script."""
    text = json.dumps(tidy(value), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return '<script type="application/json">' + text.replace("<", "\\u003c") + "</script>"


def tidy(value: Any) -> Any:
    """Return plain data with only JSON's types, floats rounded to seven digits."""
    if isinstance(value, float):
        return float(f"{value:.7g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): tidy(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [tidy(item) for item in value]
    return value if isinstance(value, str | int | None) else str(value)


def inline(text: str) -> str:
    """Return a text with its bold and code marks as HTML."""
    escaped = html.escape(text, quote=False)
    escaped = re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped)
    return re.sub(r"\*\*([^*]+)\*\*", r"<b>\1</b>", escaped)


def anchor(title: str) -> str:
    """Return the anchor of a section."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
