"""The parts of a report as plain data, before rendering to HTML or Markdown.

Texts may hold `**bold**` and code between backticks.
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
    """A highlighted paragraph."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    items: Sequence[str]


@dataclass(frozen=True)
class Card:
    """A key figure: `label`, `value` and a `remark` below."""

    label: str
    value: str
    remark: str = ""


@dataclass(frozen=True)
class Cards:
    """Cards side by side."""

    cards: Sequence[Card]


@dataclass(frozen=True)
class Code:
    """Text to copy: a command or a file."""

    text: str
    language: Literal["bash", "yaml", "text"] = "bash"


@dataclass(frozen=True)
class Table:
    """A sortable table, paged if it has more than `page` rows.

    Attributes:
        header: names of the columns.
        rows: cells; numbers are right-aligned and sorted as numbers.
        page: rows a page.
        in_markdown: rows shown in Markdown, which has no paging.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    page: int = 15
    in_markdown: int = 15


@dataclass(frozen=True)
class Figure:
    """A Plotly figure. Colours may be names of the palette such as `@accent`, which follow the
    page's light or dark theme.

    Attributes:
        title: of the figure.
        data: traces.
        layout: in addition to the shared layout.
        caption: how to read it.
        gesture: hint for interactions on the HTML page.
        height: pixels.
        min_width: pixels; on a narrower page the figure scrolls.
        instead: the same data as a table, for Markdown, whose pictures have no hover texts.
        key: names and colours, as a legend above the figure; Plotly's own does not fit into a low
            one.
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
    """Small figures side by side, wrapped at the page's width."""

    figures: Sequence[Figure]


@dataclass(frozen=True)
class Drawing:
    """An SVG in the colours of the page."""

    svg: str


@dataclass(frozen=True)
class Picture:
    """A PNG in base64, embedded in the page."""

    title: str
    png: str


@dataclass(frozen=True)
class Fold:
    """Blocks that a click unfolds."""

    title: str
    blocks: "Sequence[Block]"


Block = Text | Notice | Bullets | Cards | Code | Table | Figure | Grid | Drawing | Picture | Fold


@dataclass(frozen=True)
class Section:
    """A part of a page with a heading."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Page:
    """A report: its title, a line below it, its sections."""

    title: str
    subtitle: str
    sections: Sequence[Section]
