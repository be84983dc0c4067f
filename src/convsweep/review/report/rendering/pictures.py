"""The pictures of a Markdown page, named after their sections and drawn when they are written."""

import base64
from collections.abc import Iterator
from urllib.parse import quote

from convsweep.review.report.rendering.blocks import Drawing, Figure, Grid, Picture
from convsweep.review.report.rendering.html import anchor
from convsweep.review.report.rendering.palette import coloured_svg

Drawable = Figure | Grid | Drawing | Picture


class Pictures:
    """The pictures of one page.

    Args:
        folder: name of the folder next to the page.

    Attributes:
        section: of the next pictures.
    """

    def __init__(self, folder: str) -> None:
        self.folder, self.section = folder, ""
        self._blocks: dict[str, Drawable] = {}

    def add(self, block: Drawable) -> str:
        """Add a block to draw, and return its link."""
        stem, ending = anchor(self.section), "svg" if isinstance(block, Drawing) else "png"
        count = sum(name.rpartition("_")[0] == stem for name in self._blocks) + 1
        name = f"{stem}_{count}.{ending}"
        self._blocks[name] = block
        return f"{quote(self.folder)}/{name}"

    def __len__(self) -> int:
        return len(self._blocks)

    def contents(self) -> Iterator[tuple[str, bytes]]:
        """Yield the pictures by name."""
        for name, block in self._blocks.items():
            yield name, content_of(block)


def content_of(block: Drawable) -> bytes:
    """Return the file content of a picture."""
    match block:
        case Picture(_, png):
            return base64.b64decode(png)
        case Drawing(svg):
            return coloured_svg(svg).encode()
        case Figure() | Grid():
            from convsweep.review.report.rendering.static_figures import picture_of

            return picture_of(block)
