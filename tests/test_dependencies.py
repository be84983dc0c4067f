"""Every package that is imported, or named by a config, is declared by its distribution: in the
dependencies or in an extra.
"""

import ast
import functools
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
SWEEPER = ROOT / "packages" / "hydra-study-sweeper"
# the last two of the project that `init` writes
OWN = {"convsweep", "hydra_plugins", "hydra_study", "own_data", "own_net"}


def declared(project: Path) -> set[str]:
    """Return the distributions of the dependencies and extras of a project; convsweep's extras are
    partly the sweeper's.
    """
    table = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    texts = [
        *table["dependencies"],
        *(text for extra in table["optional-dependencies"].values() for text in extra),
    ]
    requirements = [Requirement(text) for text in texts]
    names = {canonicalize_name(one.name) for one in requirements}
    return names | (
        declared(SWEEPER)
        if any(one.name == "hydra-study-sweeper" and one.extras for one in requirements)
        else set()
    )


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
    return (
        ".".join(parts[:2]) if parts[0] == "hydra_plugins" and parts[1:2] != ["study"] else parts[0]
    )


owners_of_packages = functools.cache(packages_distributions)


def is_declared(name: str, distributions: set[str]) -> bool:
    """Return whether a package belongs to one of the distributions."""
    if name.startswith("hydra_plugins."):
        return canonicalize_name(name.partition(".")[2]) in distributions
    owners = owners_of_packages().get(name, [name])
    return any(canonicalize_name(owner) in distributions for owner in owners)


@pytest.mark.parametrize(
    ("project", "packages", "some"),
    [
        (ROOT, ["convsweep"], {"torch", "lightning", "hydra", "PIL"}),
        (SWEEPER, ["hydra_study", "hydra_plugins"], {"optuna", "hydra", "rich", "submitit"}),
    ],
    ids=["convsweep", "hydra-study-sweeper"],
)
def test_what_is_imported_is_declared(project: Path, packages: list[str], some: set[str]) -> None:
    files = [path for name in packages for path in (ROOT / "src" / name).rglob("*.py")]
    names = {name for path in files for name in imported(path)} - OWN - sys.stdlib_module_names
    assert names >= some, "the search finds imports"
    assert [name for name in sorted(names) if not is_declared(name, declared(project))] == []


def test_what_a_config_names_is_declared() -> None:
    text = "\n".join(path.read_text() for path in (ROOT / "conf").rglob("*.yaml"))
    names = {package(target) for target in re.findall(r"_target_: (\w+\.[\w.]+)", text)} - OWN
    assert names >= {"torch", "torchvision", "lightning", "timm"}, "the search finds targets"
    assert [name for name in sorted(names) if not is_declared(name, declared(ROOT))] == []


def test_what_both_need_has_the_same_bounds() -> None:
    """Also the oldest: `.ci/run` lowers direct dependencies only, which are those of convsweep."""
    ours, theirs = (
        set(tomllib.loads((project / "pyproject.toml").read_text())["project"]["dependencies"])
        for project in (ROOT, SWEEPER)
    )
    assert theirs <= ours


def test_what_patches_touch_has_an_upper_bound() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    requirements = [Requirement(text) for text in project["dependencies"]]
    bounded = {
        canonicalize_name(one.name)
        for one in requirements
        if any(part.operator == "<" for part in one.specifier)
    }
    touched = {package for patch in all_patches() for package in patch.tested}
    assert touched
    assert touched <= bounded


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a checkout")
def test_nothing_that_is_tracked_is_ignored() -> None:
    """A wheel leaves out what .gitignore names, also where git has it."""
    listed = ["git", "ls-files", "--cached", "--ignored", "--exclude-standard"]
    assert subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout == ""
