"""The README keeps its promises: its two commands, and a tree with every file in the words of the file's first line.

`UPDATE_README=1 uv run pytest tests/test_readme.py` writes the tree anew.
"""

import ast
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
TREE = re.compile(r"(<!-- tree -->\n```\n)(.*?)(```\n<!-- /tree -->)", re.S)
FOLDERS = {
    "conf": "config groups: data, model, model/net, optimizer, scheduler, trainer, callbacks, logger, experiment, debug",
    "sweeps": "search spaces, each named by its question",
    "benchmarks": "commands that measure, and the real sets as a user's folders",
    "tests": "facts and properties, in the same folders as the source",
}


def first_line(path: Path) -> str:
    """Return the first line of a module's docstring."""
    return (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n")[0]


def tree() -> str:
    """Return the tree of the project, a remark a file."""
    lines = [f"{'train.py':<28}{first_line(ROOT / 'train.py')}"]
    lines += [f"{name + '/':<28}{remark}" for name, remark in FOLDERS.items()]
    folders = sorted({path.parent for path in (ROOT / "src").rglob("*.py")})
    for folder in folders:
        lines.append(f"{folder.relative_to(ROOT).as_posix()}/")
        lines += [f"    {path.name:<24}{first_line(path)}" for path in sorted(folder.glob("*.py"))]
    return "\n".join(lines) + "\n"


def test_tree_is_up_to_date() -> None:
    text = README.read_text()
    if os.environ.get("UPDATE_README"):
        README.write_text(TREE.sub(lambda match: match[1] + tree() + match[3], text))
        pytest.skip("written anew")
    found = TREE.search(text)
    assert found is not None
    assert found[2] == tree(), "UPDATE_README=1 uv run pytest tests/test_readme.py writes it anew"


def test_every_module_says_its_job_in_its_first_line() -> None:
    for path in (ROOT / "src").rglob("*.py"):
        assert first_line(path), path


def test_two_commands_and_what_they_name_are_there() -> None:
    text = README.read_text()
    assert "uv run train.py" in text
    assert "uv run pytest" in text
    for experiment in re.findall(r"experiment=(\w+)", text):
        assert (ROOT / "conf" / "experiment" / f"{experiment}.yaml").is_file()
    for picture in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text):
        assert (ROOT / picture).is_file(), picture
