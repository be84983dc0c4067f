"""The notebook of the documentation runs from its first cell to its last."""

import json
import subprocess
import sys
from pathlib import Path

NOTEBOOK = Path(__file__).parents[1] / "docs" / "notebook.ipynb"


def test_the_notebook_runs(tmp_path: Path) -> None:
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    assert all(not cell.get("outputs") for cell in cells)
    code = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    accuracy = float(ran.stdout.split("validation accuracy ")[1].split()[0])
    assert accuracy > 0.9
    assert "receptive field" in ran.stdout
    assert "best 0." in ran.stdout
    assert not list(tmp_path.iterdir())
