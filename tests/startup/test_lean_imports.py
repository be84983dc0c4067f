"""Training loads neither scipy nor torchvision nor matplotlib before it uses them, and leaves the checks as they were."""

import subprocess
import sys

CODE = """
import gc
import sys
from convsweep.startup.lean_imports import import_lean, uncollected
with uncollected():
    collected_during = gc.isenabled()
    import_lean()
    import lightning
    from convsweep import build, feasibility, run
print(sorted({name.partition(".")[0] for name in sys.modules} & {"scipy", "torchvision", "matplotlib", "wandb", "sympy"}))
from lightning_utilities.core.imports import package_available, RequirementCache
print(package_available("scipy"), bool(RequirementCache("torchvision")))
print(collected_during, gc.isenabled(), gc.get_freeze_count() > 0)
"""


def test_what_is_not_used_is_not_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "True True", "False True True"]
