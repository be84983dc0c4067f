"""Patches of torchmetrics: no imports of scipy, torchvision and torch's compiler until a metric
needs them.
"""

import importlib.util
import logging
from pathlib import Path

from convsweep.patches.late_packages import LatePackage, defer
from convsweep.patches.patch import Patch

ROOT = LatePackage(
    "torchmetrics",
    {
        "Metric": "metric",
        "MetricCollection": "collections",
        "__version__": "__about__",
        "_logger": lambda: logging.getLogger("torchmetrics"),
    },
    frozenset(
        {
            "__about__",
            "aggregation",
            "classification",
            "collections",
            "functional",
            "metric",
            "utilities",
            "wrappers",
        }
    ),
    first="utilities",
)
FUNCTIONAL = LatePackage("torchmetrics.functional", {}, frozenset({"classification"}))


def has_files() -> bool:
    """Return whether the early modules are where they are expected, without importing them."""
    spec = importlib.util.find_spec("torchmetrics")
    if spec is None or spec.origin is None:
        return False
    folder = Path(spec.origin).parent
    early = [folder / name for name in ROOT.inside] + [
        folder / "functional" / name for name in FUNCTIONAL.inside
    ]
    return all(path.is_dir() or path.with_suffix(".py").is_file() for path in early)


PATCHES = (
    Patch(
        name="late_torchmetrics",
        what=(
            "Runs the `__init__` of torchmetrics and of torchmetrics.functional when one of their"
            " names is first used"
        ),
        why="speed",
        reason=(
            "they import every metric, and with them scipy, torchvision and its models, which is a"
            " third of the time to the first step (`python benchmarks/speed.py start`); Lightning"
            " imports them for two base classes"
        ),
        tested={"torchmetrics": ">=1.9,<1.10"},
        check=has_files,
        apply=lambda: defer(ROOT, FUNCTIONAL),
        without="all of torchmetrics is imported at the start",
    ),
)
