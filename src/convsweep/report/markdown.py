"""A page as Markdown: its words and tables, and its figures as pictures that lie in a folder beside it."""

import re
from collections.abc import Sequence

from convsweep.report.blocks import (
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
from convsweep.report.phrases import counted
from convsweep.report.pictures import Drawable, Pictures


def to_markdown(page: Page, pictures: Pictures) -> str:
    """Return the whole file, and leave in `pictures` what it shows."""
    parts = [f"# {page.title}", page.subtitle]
    for section in page.sections:
        pictures.section = section.title
        blocks = [block_markdown(block, pictures) for block in section.blocks]
        parts += [f"## {section.title}", *blocks] if any(blocks) else []
    return "\n\n".join(part for part in parts if part) + "\n"


def block_markdown(block: Block, pictures: Pictures) -> str:
    """Return a block."""
    match block:
        case Text(text):
            return text
        case Notice(text):
            return f"> {text}"
        case Bullets(items):
            return "\n".join(f"- {item}" for item in items)
        case Cards(cards):
            return "\n".join(f"- {card.label}: **{card.value}**{', ' if card.remark else ''}{card.remark}" for card in cards)
        case Code(text, language):
            return f"```{language}\n{text.rstrip()}\n```"
        case Table():
            return table_markdown(block)
        case Figure(title, _, _, caption):
            return joined([f"**{title}**" if title else "", shown(block, title, pictures), caption, instead(block)])
        case Grid(figures):
            return joined([shown(block, ", ".join(figure.title for figure in figures), pictures), *map(instead, figures)])
        case Drawing():
            return shown(block, "the network", pictures)
        case Picture(title):
            return shown(block, title, pictures)
        case Fold(title, blocks):
            return joined([f"**{title}**", *(block_markdown(inner, pictures) for inner in blocks)])


def shown(block: Drawable, title: str, pictures: Pictures) -> str:
    """Return the link to a block's picture."""
    words = re.sub(r"[\[\]`*]", "", title) or pictures.section
    return f"![{words}]({pictures.add(block)})"


def instead(figure: Figure) -> str:
    """Return what a figure shows as a table, empty if it has none."""
    return "" if figure.instead is None else table_markdown(figure.instead)


def joined(parts: Sequence[str]) -> str:
    """Return paragraphs."""
    return "\n\n".join(part for part in parts if part)


def table_markdown(table: Table) -> str:
    """Return a table, cut to the rows that Markdown shows."""
    rows = [line(table.header), line(["---"] * len(table.header)), *map(line, table.rows[: table.in_markdown])]
    hidden = len(table.rows) - table.in_markdown
    return "\n".join(rows) + (f"\n\n({counted(hidden, 'more row')} on the HTML page)" if hidden > 0 else "")


def line(cells: Sequence[Cell]) -> str:
    """Return a row."""
    return "| " + " | ".join(cell_text(cell) for cell in cells) + " |"


def cell_text(cell: Cell) -> str:
    """Return a cell on one line."""
    if cell is None:
        return ""
    text = f"{cell:.5g}" if isinstance(cell, float) else str(cell)
    return re.sub(r"\s+", " ", text).replace("|", "\\|")
