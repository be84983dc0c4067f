"""A network's cost as a table for people: a row a layer, or a row a group of layers."""

from dataclasses import replace

from rich.table import Table

from convsweep.cost import Cost, Layer, ReceptiveField, in_bytes, in_si
from convsweep.cost.summary import size_in_words
from convsweep.nets.geometry import times


def cost_table(cost: Cost, depth: int | None = None) -> Table:
    """Return the table of a cost.

    Args:
        cost: of the network.
        depth: put layers together by the first `depth` parts of their names; None shows each alone.
    """
    table = Table(title=f"{cost.net} on {times(cost.in_shape)}", show_footer=True, title_justify="left")
    table.add_column("layer", "total", overflow="fold")
    if depth is None:
        table.add_column("kind")
    table.add_column("output", times(cost.out_shape))
    for name, total in (("parameters", f"{cost.params:,}"), ("MACs", in_si(cost.macs))):
        table.add_column(name, total, justify="right")
    table.add_column("sees", in_words(cost.receptive_field), justify="right")
    table.add_column("kept a sample", in_bytes(cost.activations), justify="right")
    for layer in rows(cost) if depth is None else folded(rows(cost), depth):
        table.add_row(
            layer.name or "(itself)",
            *([layer.kind] if depth is None else []),
            times(layer.out_shape),
            f"{layer.params:,}" if layer.params else "",
            in_si(layer.macs) if layer.macs else "",
            in_words(layer.receptive_field),
            in_bytes(layer.activations) if layer.activations else "",
        )
    return table


def rows(cost: Cost) -> list[Layer]:
    """Return the layers that weigh, compute or look around; what the others keep is added to the layer in front of them."""
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


def folded(layers: list[Layer], depth: int) -> list[Layer]:
    """Return one layer for all that share the first `depth` parts of their names: sums, and what the last one returns."""
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
    """Return what a position sees: the size of its window, `all` where it depends on every position too."""
    if field is None:
        return ""
    return f"{size_in_words(field)}, all" if field.everything else size_in_words(field)
