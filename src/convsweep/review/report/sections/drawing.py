"""Drawing of a network as SVG: one block a stage, its height and width by size and number of
feature maps.
"""

import html
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from convsweep.review.report.sections.parts import DrawnNetwork, Part

# Pixels for a block, and above the highest one.
COLUMN = 148
TOP = 34
# Vertical distance of the levels of a U-Net.
STEP = 46
TALLEST = 116.0
LINE = 15
# Depth of a block relative to its height.
SLANT = 0.36


@dataclass(frozen=True)
class Box:
    """Position of a block: left and top of its front, and its sizes."""

    x: float
    y: float
    width: float
    height: float
    depth: float


def draw(net: DrawnNetwork) -> str:
    """Return the SVG in the page's colours."""
    levels = levels_of(net)
    shapes = [net.in_shape, *(part.out_shape for part in net.parts)]
    tallest = max(size_of(shape) for shape in shapes)
    boxes = [
        box_of(shape, column, level, tallest)
        for column, (shape, level) in enumerate(zip(shapes, levels, strict=True))
    ]
    texts = [["input"], *(words_of(part) for part in net.parts)]
    bottom = max(box.y + box.height for box in boxes) + 24
    height = bottom + LINE * (3 + max(len(words) for words in texts)) + 6
    pieces = [arrows(net, boxes)]
    for column, (shape, box, words) in enumerate(zip(shapes, boxes, texts, strict=True)):
        pieces.append(block(box, "@input" if column == 0 else ""))
        pieces.append(
            label(column, bottom, words, shape, None if column == 0 else net.parts[column - 1])
        )
    width = COLUMN * len(shapes)
    size = f'width="{width}" height="{height:.0f}" viewBox="0 0 {width} {height:.0f}"'
    role = (
        f'role="img" aria-label="{html.escape(net.summary)}" font-size="12" font-family="system-ui,'
        ' sans-serif"'
    )
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {role}>{"".join(pieces)}</svg>'


def levels_of(net: DrawnNetwork) -> list[int]:
    """Return the level in the U of each block, the input first; 0 everywhere for other networks."""
    encoders = [part.name for part in net.parts if part.name.startswith("encoder.")]
    is_u = bool(encoders) and any(part.name.startswith("decoder.") for part in net.parts)
    levels = [0]
    for part in net.parts:
        kind, _, place = part.name.partition(".")
        if not is_u or not place.isdigit():
            levels.append(0)
        else:
            levels.append(int(place) if kind == "encoder" else len(encoders) - 2 - int(place))
    return levels


def size_of(shape: Sequence[int]) -> float:
    """Return the size of the largest spatial axis, 1 without spatial axes."""
    return float(max(shape[1:], default=1))


def box_of(shape: Sequence[int], column: int, level: int, tallest: float) -> Box:
    """Return the box of feature maps of a shape."""
    if len(shape) == 1:
        width, height, depth = 9.0, min(TALLEST, 12 + 14 * math.log2(shape[0] + 1)), 0.0
    else:
        width = 7 + 6.5 * math.log2(shape[0] + 1)
        height = max(10.0, TALLEST * math.sqrt(size_of(shape) / tallest))
        depth = SLANT * height if len(shape) > 2 else 0.0
    x = COLUMN * (column + 0.5) - (width + depth) / 2
    return Box(
        x, TOP + STEP * level + (TALLEST - height) / 2 + SLANT * TALLEST / 2, width, height, depth
    )


def block(box: Box, kind: str) -> str:
    """Return the SVG of a block."""
    colour = "var(--muted)" if kind else "var(--accent)"
    x, y, w, h, d = box.x, box.y, box.width, box.height, box.depth
    slant = d * 0.6
    faces = [(0.85, [(x, y), (x + w, y), (x + w, y + h), (x, y + h)])]
    if d:
        faces += [
            (0.45, [(x, y), (x + d, y - slant), (x + w + d, y - slant), (x + w, y)]),
            (
                0.62,
                [(x + w, y), (x + w + d, y - slant), (x + w + d, y + h - slant), (x + w, y + h)],
            ),
        ]
    return "".join(
        f'<polygon points="{" ".join(f"{px:.1f},{py:.1f}" for px, py in corners)}" fill="{colour}"'
        f' fill-opacity="{strength}" stroke="var(--paper)" stroke-width="1"/>'
        for strength, corners in faces
    )


def arrows(net: DrawnNetwork, boxes: Sequence[Box]) -> str:
    """Return the arrows between blocks, and those of a U-Net's skip connections."""
    drawn = []
    for before, after in pairwise(boxes):
        start = (before.x + before.width + before.depth + 5, before.y + before.height / 2)
        end = (after.x - 6, after.y + after.height / 2)
        drawn.append(arrow(start, end, ""))
    places = {part.name: boxes[index + 1] for index, part in enumerate(net.parts)}
    for start_name, end_name in net.joined:
        one, other = places[start_name], places[end_name]
        y = one.y + 0.2 * one.height
        drawn.append(arrow((one.x + one.width + one.depth + 5, y), (other.x - 6, y), "5 4"))
    return "".join(drawn)


def arrow(start: tuple[float, float], end: tuple[float, float], dash: str) -> str:
    """Return an arrow, dashed for skip connections."""
    (x0, y0), (x1, y1) = start, end
    angle = math.atan2(y1 - y0, x1 - x0)
    wings = [
        (x1 - 7 * math.cos(angle + turn), y1 - 7 * math.sin(angle + turn)) for turn in (0.45, -0.45)
    ]
    tip = " ".join(f"{x:.1f},{y:.1f}" for x, y in [wings[0], (x1, y1), wings[1]])
    style = f' stroke-dasharray="{dash}"' if dash else ""
    colour = "var(--good)" if dash else "var(--muted)"
    line = (
        f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" stroke="{colour}"'
        f' stroke-width="1.3"{style}/>'
    )
    return line + f'<polyline points="{tip}" fill="none" stroke="{colour}" stroke-width="1.3"/>'


def words_of(part: Part) -> list[str]:
    """Return the description of a part in lines that fit its column."""
    skip = [f"skip: {part.skip}"] if part.skip else []
    texts = [*part.does[:4], *(["…"] if len(part.does) > 4 else []), *skip]
    return [part.title, *(line for text in texts for line in textwrap.wrap(text, 23))]


def label(
    column: int, top: float, words: Sequence[str], shape: Sequence[int], part: Part | None
) -> str:
    """Return the text below a block: name, output shape, parameters, layers."""
    from convsweep.cost import in_si
    from convsweep.nets.geometry import shape_text

    x = COLUMN * (column + 0.5)
    lines = [(words[0], "var(--ink)", "600"), (shape_text(shape), "var(--accent)", "400")]
    if part is not None:
        lines.append(
            (
                f"{in_si(part.params)} parameters" if part.params else "no parameters",
                "var(--muted)",
                "400",
            )
        )
    lines += [(text, "var(--muted)", "400") for text in words[1:]]
    place = f'x="{x:.0f}" text-anchor="middle"'
    return "".join(
        f'<text {place} y="{top + LINE * row:.0f}" fill="{colour}"'
        f' font-weight="{weight}">{html.escape(text)}</text>'
        for row, (text, colour, weight) in enumerate(lines)
    )
