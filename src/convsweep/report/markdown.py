"""A page as Markdown: its words and tables; a figure is the table of what it shows, where it has one."""

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


def to_markdown(page: Page) -> str:
    """Return the whole file."""
    parts = [f"# {page.title}", page.subtitle]
    for section in page.sections:
        blocks = [block_markdown(block) for block in section.blocks]
        parts += [f"## {section.title}", *blocks] if any(blocks) else []
    return "\n\n".join(part for part in parts if part) + "\n"


def block_markdown(block: Block) -> str:
    """Return a block, empty if Markdown cannot show it."""
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
        case Figure():
            return figure_markdown(block)
        case Grid(figures):
            return joined([figure_markdown(figure) for figure in figures])
        case Drawing():
            return ""
        case Picture(title, _, file):
            return f"![{title}](pictures/{file})"
        case Fold(title, blocks):
            return joined([f"**{title}**", *map(block_markdown, blocks)])


def figure_markdown(figure: Figure) -> str:
    """Return what stands for a figure."""
    if figure.instead is None:
        return ""
    return joined([f"**{figure.title}**" if figure.title else "", figure.caption, table_markdown(figure.instead)])


def joined(parts: Sequence[str]) -> str:
    """Return paragraphs."""
    return "\n\n".join(part for part in parts if part)


def table_markdown(table: Table) -> str:
    """Return a table, cut to the rows that Markdown shows."""
    rows = [line(table.header), line(["---"] * len(table.header)), *map(line, table.rows[: table.in_markdown])]
    hidden = len(table.rows) - table.in_markdown
    return "\n".join(rows) + (f"\n\n({hidden:,} more rows)" if hidden > 0 else "")


def line(cells: Sequence[Cell]) -> str:
    """Return a row."""
    return "| " + " | ".join(cell_text(cell) for cell in cells) + " |"


def cell_text(cell: Cell) -> str:
    """Return a cell on one line."""
    if cell is None:
        return ""
    text = f"{cell:.5g}" if isinstance(cell, float) else str(cell)
    return re.sub(r"\s+", " ", text).replace("|", "\\|")
