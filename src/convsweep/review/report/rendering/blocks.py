"""The parts of a report, as plain data: what a page says, before it becomes HTML or Markdown.

Texts may hold `**bold**` and code between backticks, which both kinds of page know.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Cell = str | float | int | None


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Notice:
    """A paragraph that must not be overlooked."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    items: Sequence[str]


@dataclass(frozen=True)
class Card:
    """One figure to be seen at once: `label`, `value` and a `remark` below."""

    label: str
    value: str
    remark: str = ""


@dataclass(frozen=True)
class Cards:
    """Cards beside each other."""

    cards: Sequence[Card]


@dataclass(frozen=True)
class Code:
    """Text to be copied, a command or a file."""

    text: str
    language: Literal["bash", "yaml", "text"] = "bash"


@dataclass(frozen=True)
class Table:
    """A table that can be sorted; more than `page` rows are shown a page at a time.

    Attributes:
        header: names of the columns.
        rows: cells; numbers are set to the right and sorted as numbers.
        page: rows of one page.
        in_markdown: rows that a Markdown page shows, which cannot turn pages.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    page: int = 15
    in_markdown: int = 15


@dataclass(frozen=True)
class Figure:
    """A Plotly figure. Colours may be names of the palette such as `@accent`, which follow the page
    from light to dark.

    Attributes:
        title: what is shown.
        data: traces.
        layout: of the figure, beyond what all figures share.
        caption: how to read it.
        gesture: what a hand can do to it on an HTML page.
        height: pixels.
        min_width: pixels; on a narrower page the figure is scrolled instead of squeezed.
        instead: the same as a table, for a Markdown page, whose picture cannot be hovered over.
        key: names and colours of what is drawn, above the figure; Plotly's own legend has no room
            in a low one.
    """

    title: str
    data: list[dict[str, Any]]
    layout: dict[str, Any] = field(default_factory=dict)
    caption: str = ""
    gesture: str = ""
    height: int = 360
    min_width: int = 0
    instead: Table | None = None
    key: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Grid:
    """Small figures beside each other, as many as the page is wide."""

    figures: Sequence[Figure]


@dataclass(frozen=True)
class Drawing:
    """An SVG in the colours of the page."""

    svg: str


@dataclass(frozen=True)
class Picture:
    """A PNG, in base64, that the page carries."""

    title: str
    png: str


@dataclass(frozen=True)
class Fold:
    """Blocks that are opened by a click."""

    title: str
    blocks: "Sequence[Block]"


Block = Text | Notice | Bullets | Cards | Code | Table | Figure | Grid | Drawing | Picture | Fold


@dataclass(frozen=True)
class Section:
    """A part of a page with a heading of its own."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Page:
    """A report: its title, a line below it, its sections."""

    title: str
    subtitle: str
    sections: Sequence[Section]
