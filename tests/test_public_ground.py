"""Nothing outside of `patches/` changes what another package has made, or reaches for its private
names by a string.

Names that are written out are held by ruff (SLF001, PLC2701).
"""

import ast
import re
import tomllib
from collections.abc import Iterator

import pytest

import hydra_study
from tests.conftest import ROOT

DOCUMENTED = {"_exit", "_replace"}  # of os and of named tuples
OURS = ("convsweep", "hydra_plugins", "sys")  # the interpreter's own settings are there to be set
LINT = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
EXEMPT = {
    path
    for pattern, rules in LINT["per-file-ignores"].items()
    if "SLF001" in rules
    for path in ROOT.glob(pattern)
}
FILES = sorted({*(ROOT / "src").rglob("*.py"), ROOT / "train.py"} - EXEMPT)
PRIVATE = re.compile(r"(?:^|\.)_(?!_)\w+")


def faults(code: str) -> list[str]:
    """Return what a file does to other packages that it must not, with the line."""
    tree = ast.parse(code)
    foreign = {name for node in ast.walk(tree) for name in foreign_names(node)}
    return [
        f"{getattr(node, 'lineno', 0)}: {fault}"
        for node in ast.walk(tree)
        for fault in faults_of(node, foreign)
    ]


def foreign_names(node: ast.AST) -> Iterator[str]:
    """Yield the names that an import binds to modules, classes and functions of other packages."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            if alias.name.partition(".")[0] not in OURS:
                yield alias.asname or alias.name.partition(".")[0]
    if (
        isinstance(node, ast.ImportFrom)
        and node.level == 0
        and (node.module or "").partition(".")[0] not in OURS
    ):
        yield from (alias.asname or alias.name for alias in node.names)


def faults_of(node: ast.AST, foreign: set[str]) -> Iterator[str]:
    """Yield what is wrong with one node."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign | ast.Delete):
        targets = node.targets
    elif isinstance(node, ast.AugAssign | ast.AnnAssign):
        targets = [node.target]
    for target in targets:
        for part in target.elts if isinstance(target, ast.Tuple | ast.List) else [target]:
            if isinstance(part, ast.Attribute) and root_of(part) in foreign:
                yield f"sets {ast.unparse(part)}"
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func)
        texts = [
            argument.value
            for argument in node.args
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
        ]
        if called in ("setattr", "delattr") and node.args and root_of(node.args[0]) in foreign:
            yield f"sets {ast.unparse(node)}"
        if called in (
            "getattr",
            "hasattr",
            "setattr",
            "delattr",
            "import_module",
            "importlib.import_module",
        ):
            yield from (f"reaches for {text}" for text in texts if PRIVATE.search(text))


def root_of(node: ast.expr) -> str | None:
    """Return the name that a chain of attributes begins with."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def own_names(tree: ast.AST) -> Iterator[str]:
    """Yield the names of functions, classes, fields and attributes that a file makes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.attr if isinstance(node, ast.Attribute) else node.id


def private_names(tree: ast.AST) -> Iterator[str]:
    """Yield the private attributes that a file reads, also those of `self`, which ruff lets pass
    where they are inherited.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and PRIVATE.fullmatch(node.attr):
            yield node.attr


def test_private_attributes_are_our_own_also_where_a_class_inherits() -> None:
    trees = {str(path.relative_to(ROOT)): ast.parse(path.read_text()) for path in FILES}
    own = {name for tree in trees.values() for name in own_names(tree)} | DOCUMENTED
    found = {path: sorted(set(private_names(tree)) - own) for path, tree in trees.items()}
    assert {path: names for path, names in found.items() if names} == {}
    inherited = ast.parse(
        "class Mine(optuna.Study):\n    def many(self): return self._is_multi_objective()"
    )
    assert set(private_names(inherited)) - own == {"_is_multi_objective"}


def test_the_package_stays_on_public_ground() -> None:
    found = {str(path.relative_to(ROOT)): faults(path.read_text()) for path in FILES}
    assert {path: lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "code",
    [
        "import torch\ntorch.nn.Linear.forward = None",
        "from wandb import util as words\nwords.make, other = 1, 2",
        "from optuna import Study\ndel Study.ask",
        "import lightning as L\nsetattr(L.Trainer, 'fit', None)",
        "import lightning as L\ngetattr(L.Trainer, '_fit')",
        "import importlib\nimportlib.import_module('torch._dynamo.utils')",
    ],
)
def test_what_is_looked_for_is_found(code: str) -> None:
    assert len(faults(code)) == 1


@pytest.mark.parametrize("name", hydra_study.__all__)
def test_every_public_name_of_the_engine_is_there(name: str) -> None:
    assert getattr(hydra_study, name) is not None
