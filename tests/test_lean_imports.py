"""Training loads neither scipy nor torchvision nor matplotlib before it uses them, and leaves the checks as they were."""

import subprocess
import sys

CODE = """
import sys
from convsweep.lean_imports import import_lean
import_lean()
import lightning
from convsweep import build, feasibility, run
print(sorted({name.partition(".")[0] for name in sys.modules} & {"scipy", "torchvision", "matplotlib", "wandb", "sympy"}))
from lightning_utilities.core.imports import package_available, RequirementCache
print(package_available("scipy"), bool(RequirementCache("torchvision")))
"""


def test_what_is_not_used_is_not_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "True True"]
