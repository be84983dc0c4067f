"""The look at the data that a plan began with."""

import base64
import json
from pathlib import Path
from typing import Any

from convsweep.review.report.rendering.blocks import Block, Bullets, Picture, Table, Text

# Files of a plan's folder.
LOOK, PICTURES = "look.json", {"samples.png": "samples", "faulty.png": "samples at fault"}


def look_blocks(data_files: Any) -> list[Block]:
    """Return what there is, what is wrong with it, and pictures of samples.

    Args:
        data_files: the option of a config, a file in the folder of a plan; None: there was no
            plan.
    """
    folder = None if data_files is None else Path(str(data_files)).parent
    if folder is None or not (folder / LOOK).is_file():
        return []
    look = json.loads((folder / LOOK).read_text())
    faults = [str(fault["text"]) for fault in look["faults"]]
    blocks: list[Block] = [Table(["", ""], look["rows"], in_markdown=20)]
    blocks += [Text("**Faults**"), Bullets(faults)] if faults else [Text("No faults were found.")]
    return blocks + [
        Picture(title, base64.b64encode((folder / name).read_bytes()).decode())
        for name, title in PICTURES.items()
        if (folder / name).is_file()
    ]
