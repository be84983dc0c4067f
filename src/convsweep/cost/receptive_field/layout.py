"""The axis of the input along which each dimension of a tensor runs, followed through permuting,
merging and splitting.
"""

from collections.abc import Sequence
from math import prod
from typing import NamedTuple, TypeAlias


class Atom(NamedTuple):
    """A factor of a dimension: `size` positions along an axis of the input, or along none (batch,
    channels).
    """

    axis: int | None
    size: int


Dim: TypeAlias = tuple[Atom, ...]
Layout: TypeAlias = tuple[Dim, ...]


def plain(size: int) -> Dim:
    """Return a dimension that runs along no axis."""
    return (Atom(None, size),)


def image(shape: Sequence[int]) -> Layout:
    """Return the layout of an input (N, C, *spatial)."""
    spatial = [(Atom(axis, size),) for axis, size in enumerate(shape[2:])]
    return (plain(shape[0]), plain(shape[1]), *spatial)


def axes(dims: Sequence[Dim]) -> set[int]:
    """Return the axes that any of the dimensions runs along."""
    return {atom.axis for dim in dims for atom in dim if atom.axis is not None}


def sizes(dims: Sequence[Dim]) -> dict[int, int]:
    """Return the number of positions along each axis that the dimensions run along."""
    return {atom.axis: atom.size for dim in dims for atom in dim if atom.axis is not None}


def view_layout(layout: Layout, shape: Sequence[int]) -> Layout | None:
    """Return the layout after a view as `shape`; None if it would split an axis."""
    rest = [atom for dim in layout for atom in dim if atom.size != 1][::-1]
    dims: list[Dim] = []
    for size in shape:
        taken: list[Atom] = []
        while (missing := size // max(prod(atom.size for atom in taken), 1)) > 1:
            if not rest:
                return None
            atom = rest.pop()
            if missing % atom.size:
                if atom.axis is not None or atom.size % missing:
                    return None
                rest.append(Atom(None, atom.size // missing))
                atom = Atom(None, missing)
            taken.append(atom)
        dims.append(tuple(taken) or plain(1))
    return tuple(dims) if not rest else None


def broadcast(
    layouts: Sequence[Layout], shape: Sequence[int]
) -> tuple[Layout | None, list[set[int]]]:
    """Return the layout of `shape` joined from broadcast operands, and the axes that each operand
    runs along without being broadcast.

    The layout is None if operands run along different axes in one dimension.
    """
    dims: list[Dim] = [plain(size) for size in shape]
    brought: list[set[int]] = []
    agree = True
    for layout in layouts:
        own: set[int] = set()
        for back, dim in enumerate(reversed(layout), start=1):
            if axes([dim]) and prod(atom.size for atom in dim) == shape[-back]:
                agree &= not axes([dims[-back]]) or dims[-back] == dim
                own |= axes([dim])
                dims[-back] = dim
        brought.append(own)
    return tuple(dims) if agree else None, brought


def bare(shape: Sequence[int]) -> Layout:
    """Return a layout that runs along no axis."""
    return tuple(plain(size) for size in shape)
