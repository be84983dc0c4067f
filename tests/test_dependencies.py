"""Every package that is imported, or named by a config, is declared: in the dependencies or in an extra."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from convsweep.patches.patch import all_patches

ROOT = Path(__file__).parents[1]
OWN = {"convsweep", "hydra_plugins", "hydra_study", "own_data", "own_net"}  # the last two of the project that `init` writes


def declared() -> tuple[set[str], set[str]]:
    """Return the distributions of the dependencies, and those of all extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    always = project["dependencies"]
    extras = [text for texts in project["optional-dependencies"].values() for text in texts]
    names = [{canonicalize_name(Requirement(text).name) for text in texts} for texts in (always, extras)]
    return names[0], names[1]


def imported(path: Path) -> set[str]:
    """Return the packages that a module imports, those of Hydra's plugins by two names."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(str(node.module))
    return {package(name) for name in found}


def package(dotted: str) -> str:
    """Return the package of a dotted name."""
    parts = dotted.split(".")
    return ".".join(parts[:2]) if parts[0] == "hydra_plugins" and parts[1:2] != ["study"] else parts[0]


def is_declared(name: str, distributions: set[str]) -> bool:
    """Return whether a package belongs to one of the distributions."""
    if name.startswith("hydra_plugins."):
        return canonicalize_name(name.partition(".")[2]) in distributions
    owners = packages_distributions().get(name, [name])
    return any(canonicalize_name(owner) in distributions for owner in owners)


def test_what_is_imported_is_declared() -> None:
    always, extras = declared()
    files = (ROOT / "src").rglob("*.py")
    names = {name for path in files for name in imported(path)} - OWN - sys.stdlib_module_names
    assert names >= {"torch", "lightning", "optuna", "hydra", "PIL"}, "the search finds imports"
    assert [name for name in sorted(names) if not is_declared(name, always | extras)] == []


def test_what_a_config_names_is_declared() -> None:
    always, extras = declared()
    text = "\n".join(path.read_text() for path in (ROOT / "conf").rglob("*.yaml"))
    names = {package(target) for target in re.findall(r"_target_: (\w+\.[\w.]+)", text)} - OWN
    assert names >= {"torch", "torchvision", "lightning", "timm"}, "the search finds targets"
    assert [name for name in sorted(names) if not is_declared(name, always | extras)] == []


def test_what_patches_touch_has_an_upper_bound() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    requirements = [Requirement(text) for text in project["dependencies"]]
    bounded = {canonicalize_name(one.name) for one in requirements if any(part.operator == "<" for part in one.specifier)}
    touched = {package for patch in all_patches() for package in patch.tested}
    assert touched
    assert touched <= bounded


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a checkout")
def test_nothing_that_is_tracked_is_ignored() -> None:
    """A wheel leaves out what .gitignore names, also where git has it."""
    listed = ["git", "ls-files", "--cached", "--ignored", "--exclude-standard"]
    assert subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout == ""
