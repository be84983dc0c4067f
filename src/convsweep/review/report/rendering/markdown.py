"""Rendering of a page as Markdown, with figures as pictures in a folder next to it."""

import re
from collections.abc import Sequence

from convsweep.review.report.rendering.blocks import (
    Block,
    Bullets,
    Cards,
    Cell,
    Code,
    Drawing,
    Figure,
    Fold,
    Grid,
    Notice,
    Page,
    Picture,
    Table,
    Text,
)
from convsweep.review.report.rendering.phrases import count_text
from convsweep.review.report.rendering.pictures import Drawable, Pictures

_SAFE = r"[^\s`\\|<>&\"]"
# Text that GitHub turns into links, except in code.
_ADDRESS = re.compile(
    rf"(?:https?|ftp)://{_SAFE}*|www\.{_SAFE}*|[\w.+-]+@{_SAFE}*|(?:mailto|xmpp):{_SAFE}*",
    re.IGNORECASE,
)


def to_markdown(page: Page, pictures: Pictures) -> str:
    """Return the whole file, and add its pictures to `pictures`."""
    parts = [f"# {prose(page.title)}", prose(page.subtitle)]
    for section in page.sections:
        pictures.section = section.title
        blocks = [block_markdown(block, pictures) for block in section.blocks]
        parts += [f"## {prose(section.title)}", *blocks] if any(blocks) else []
    return "\n\n".join(part for part in parts if part) + "\n"


def block_markdown(block: Block, pictures: Pictures) -> str:
    """Return a block."""
    match block:
        case Text(text):
            return prose(text)
        case Notice(text):
            return f"> {prose(text)}"
        case Bullets(items):
            return "\n".join(f"- {prose(item)}" for item in items)
        case Cards(cards):
            lines = (
                f"{card.label}: **{card.value}**{', ' if card.remark else ''}{card.remark}"
                for card in cards
            )
            return "\n".join(f"- {prose(text)}" for text in lines)
        case Code(text, language):
            fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
            return f"{fence}{language}\n{text.rstrip()}\n{fence}"
        case Table():
            return table_markdown(block)
        case Figure(title, _, _, caption):
            return join_paragraphs(
                [
                    f"**{prose(title)}**" if title else "",
                    link_to_picture(block, title, pictures),
                    prose(caption),
                    instead(block),
                ]
            )
        case Grid(figures):
            return join_paragraphs(
                [
                    link_to_picture(block, ", ".join(figure.title for figure in figures), pictures),
                    *map(instead, figures),
                ]
            )
        case Drawing():
            return link_to_picture(block, "the network", pictures)
        case Picture(title):
            return link_to_picture(block, title, pictures)
        case Fold(title, blocks):
            return join_paragraphs(
                [f"**{prose(title)}**", *(block_markdown(inner, pictures) for inner in blocks)]
            )


def link_to_picture(block: Drawable, title: str, pictures: Pictures) -> str:
    """Return the link to a block's picture."""
    words = re.sub(r"[\[\]`*]", "", title) or pictures.section
    return f"![{prose(words)}]({pictures.add(block)})"


def instead(figure: Figure) -> str:
    """Return a figure's data as a table, empty if it has none."""
    return "" if figure.instead is None else table_markdown(figure.instead)


def join_paragraphs(parts: Sequence[str]) -> str:
    """Return paragraphs."""
    return "\n\n".join(part for part in parts if part)


def table_markdown(table: Table) -> str:
    """Return a table, limited to `in_markdown` rows."""
    rows = [
        line(table.header),
        line(["---"] * len(table.header)),
        *map(line, table.rows[: table.in_markdown]),
    ]
    hidden = len(table.rows) - table.in_markdown
    return "\n".join(rows) + (
        f"\n\n({count_text(hidden, 'more row')} on the HTML page)" if hidden > 0 else ""
    )


def line(cells: Sequence[Cell]) -> str:
    """Return a row."""
    return "| " + " | ".join(cell_text(cell) for cell in cells) + " |"


def cell_text(cell: Cell) -> str:
    """Return a cell on one line."""
    if cell is None:
        return ""
    text = f"{cell:.5g}" if isinstance(cell, float) else str(cell)
    # a backslash before a bar would cancel the bar's escape
    return re.sub(r"(\\*)\|", lambda bar: "&#92;" * len(bar[1]) + "\\|", prose(text))


def prose(text: str) -> str:
    """Return a text on one line, with code and bold kept and names escaped that would become tags
    or links.
    """
    parts = re.split(r"((?<![`\\])`[^`]+`(?!`))", re.sub(r"\s+", " ", text).strip())
    return "".join(part if index % 2 else escape(part) for index, part in enumerate(parts))


def escape(text: str) -> str:
    """Return a text with Markdown's tags, links and backticks escaped; addresses become code."""
    start, parts = 0, []
    for address in _ADDRESS.finditer(text):
        # a backslash before the code would escape its backtick
        before = re.sub(
            r"\\+$",
            lambda found: "&#92;" * len(found[0]),
            without_markup(text[start : address.start()]),
        )
        parts += [before, f"`{address[0]}`"]
        start = address.end()
    return "".join([*parts, without_markup(text[start:])])


def without_markup(text: str) -> str:
    """Return a text with brackets, `<` and backticks escaped."""
    # a backslash before a bracket would cancel the bracket's escape
    plain = re.sub(r"(\\*)\](?=[(\[:])", lambda found: "&#92;" * len(found[1]) + "\\]", text)
    return plain.replace("<", "&lt;").replace("`", "&#96;")
