"""A network's cost as a table: a row for each layer or group of layers."""

from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING, Literal

from convsweep.cost import Cost, Layer, ReceptiveField, in_bytes, in_si
from convsweep.cost.summary import size_in_words
from convsweep.nets.geometry import shape_text

if TYPE_CHECKING:
    from rich.table import Table

NUMBERS = ("parameters", "MACs", "sees", "kept a sample")


@dataclass(frozen=True)
class Cells:
    """The texts of a table.

    title: of the table.
    header, total: one text a column; columns of `NUMBERS` are numbers.
    rows: a row a layer, or a group of them.
    """

    title: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    total: tuple[str, ...]


def cost_cells(cost: Cost, depth: int | None = None) -> Cells:
    """Return the table of a cost.

    Args:
        cost: of the network.
        depth: combine layers that share the first `depth` parts of their names; None: none.
    """
    kind = ("kind",) if depth is None else ()
    return Cells(
        f"{cost.net} on {shape_text(cost.in_shape)}",
        ("layer", *kind, "output", *NUMBERS),
        [
            (
                layer.name or "(itself)",
                *((layer.kind,) if kind else ()),
                shape_text(layer.out_shape),
                f"{layer.params:,}" if layer.params else "",
                in_si(layer.macs) if layer.macs else "",
                in_words(layer.receptive_field),
                in_bytes(layer.activations) if layer.activations else "",
            )
            for layer in (rows(cost) if depth is None else fold_layers(rows(cost), depth))
        ],
        (
            "total",
            *("" for _ in kind),
            shape_text(cost.out_shape),
            f"{cost.params:,}",
            in_si(cost.macs),
            in_words(cost.receptive_field),
            in_bytes(cost.activations),
        ),
    )


def cost_table(cost: Cost, depth: int | None = None) -> "Table":
    """Return the table for a terminal, without borders between the columns, as a row needs most of
    80 characters.
    """
    from rich import box
    from rich.table import Table

    cells = cost_cells(cost, depth)
    table = Table(
        title=cells.title,
        title_justify="left",
        show_footer=True,
        box=box.SIMPLE,
        show_edge=False,
        padding=0,
    )
    for name, total in zip(cells.header, cells.total, strict=True):
        side: Literal["left", "right"] = "right" if name in NUMBERS else "left"
        table.add_column(
            name, total, justify=side, overflow="fold" if name == "layer" else "ellipsis"
        )
    for row in cells.rows:
        table.add_row(*row)
    return table


def cost_html(cost: Cost) -> str:
    """Return the table as HTML."""
    cells = cost_cells(cost)
    sides = ["right" if name in NUMBERS else "left" for name in cells.header]

    def line(words: tuple[str, ...], tag: str) -> str:
        return "".join(
            f'<{tag} style="text-align: {side}; padding: 1px 8px">{escape(word)}</{tag}>'
            for word, side in zip(words, sides, strict=True)
        )

    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in cells.rows)
    return (
        '<table style="font: 12px/1.4 sans-serif; border-collapse:'
        f' collapse"><caption>{escape(cells.title)}</caption>'
        f"<thead><tr>{line(cells.header, 'th')}</tr></thead><tbody>{body}</tbody>"
        f"<tfoot><tr>{line(cells.total, 'th')}</tr></tfoot></table>"
    )


def rows(cost: Cost) -> list[Layer]:
    """Return the layers that have parameters, MACs or a window; activations of the others are added
    to the layer before them.
    """
    shown: list[Layer] = []
    waiting = 0
    for layer in cost.layers:
        if layer.params or layer.macs or layer.looks:
            shown.append(replace(layer, activations=layer.activations + waiting))
            waiting = 0
        elif shown:
            shown[-1] = replace(shown[-1], activations=shown[-1].activations + layer.activations)
        else:
            waiting += layer.activations
    return shown


def fold_layers(layers: list[Layer], depth: int) -> list[Layer]:
    """Return one layer for all that share the first `depth` parts of their names, with sums, and
    the output of the last one.
    """
    groups: dict[str, Layer] = {}
    for layer in layers:
        name = ".".join(layer.name.split(".")[:depth])
        former = groups.get(name)
        groups[name] = replace(
            layer,
            name=name,
            params=layer.params + (former.params if former else 0),
            macs=layer.macs + (former.macs if former else 0),
            activations=layer.activations + (former.activations if former else 0),
        )
    return list(groups.values())


def in_words(field: ReceptiveField | None) -> str:
    """Return a receptive field as text: the size of its window, and `all` if a position depends on
    the whole input too.
    """
    if field is None:
        return ""
    return f"{size_in_words(field)}, all" if field.everything else size_in_words(field)
