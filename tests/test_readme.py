"""The README keeps its promises: its two commands and the experiments and pictures that it names;
each module says its job; the page of config groups names every option.
"""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"


def first_line(path: Path) -> str:
    """Return the first line of a module's docstring."""
    return (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n")[0]


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


def test_page_of_config_groups_names_every_option() -> None:
    rows = re.findall(r"^\| (`.+`) \| (.+) \|$", (ROOT / "docs/config_groups.md").read_text(), re.M)
    assert rows
    for groups, options in rows:
        files = [
            file
            for group in re.findall(r"`([^`]+)`", groups)
            for file in (ROOT / "conf" / group).glob("*.yaml")
        ]
        assert files, groups
        assert {file.stem for file in files} <= set(re.findall(r"`([^`]+)`", options)), groups


def test_every_link_within_the_documentation_leads_somewhere() -> None:
    pages = [README, ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
    for page in pages:
        for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
            if "://" not in link:
                assert (page.parent / link).exists(), f"{page.name}: {link}"
