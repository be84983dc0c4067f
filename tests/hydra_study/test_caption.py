"""The live table has below itself what another program says of the sweep."""

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rich.console import Console

from hydra_study.display.status_text import caption_text, table
from hydra_study.objectives import Objectives


def shown(caption: Path | None) -> str:
    """Return the table of a study without trials as text."""
    path = None if caption is None else str(caption)
    options = SimpleNamespace(n_trials=4, timeout=None, study_name="depth", caption=path)
    spec: Any = SimpleNamespace(
        options=options, objectives=Objectives(("loss",), ("minimize",), None)
    )
    console = Console(width=60, record=True, file=io.StringIO())
    console.print(table([], {}, spec))
    return console.export_text()


def test_the_table_ends_with_the_caption(tmp_path: Path) -> None:
    file = tmp_path / "caption.txt"
    without = shown(None)
    assert "study depth" in without
    assert shown(file) == without, "there is no file yet"
    file.write_text("stage 3 of 9; 12 min left [bold]\n")
    assert shown(file).rstrip().endswith("\nstage 3 of 9; 12 min left [bold]"), "as it is"
    file.write_text("stage 4 of 9")
    assert shown(file).rstrip().endswith("\nstage 4 of 9")


def test_a_caption_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    assert caption_text(str(tmp_path)) == ""
    (tmp_path / "caption.txt").write_bytes(b"3 \xff 9")
    assert caption_text(str(tmp_path / "caption.txt")) == "3 \ufffd 9"
