"""The notebook of the documentation runs from its first cell to its last."""

import json
import warnings
from pathlib import Path

import optuna
import pytest

NOTEBOOK = Path(__file__).parents[1] / "docs" / "notebook.ipynb"


def test_the_notebook_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    assert all(not cell.get("outputs") for cell in cells)
    code = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    monkeypatch.chdir(tmp_path)
    verbosity = optuna.logging.get_verbosity()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(code, NOTEBOOK.name, "exec"), {"__name__": "__main__"})
    optuna.logging.set_verbosity(verbosity)
    printed = capsys.readouterr().out
    accuracy = float(printed.split("validation accuracy ")[1].split()[0])
    assert accuracy > 0.9
    assert "receptive field" in printed
    assert "best 0." in printed
    assert not list(tmp_path.iterdir())
