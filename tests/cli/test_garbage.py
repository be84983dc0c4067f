"""While modules are imported nothing looks for garbage; later it is looked for again, but not among
what they made.
"""

import subprocess
import sys

CODE = """
import gc
from convsweep.training.imports import no_collection
with no_collection():
    during = gc.isenabled()
    import json.tool
print(during, gc.isenabled(), gc.get_freeze_count() > 0)
"""


def test_no_garbage_is_looked_for_while_modules_are_imported() -> None:
    assert subprocess.check_output([sys.executable, "-c", CODE], text=True).split() == [
        "False",
        "True",
        "True",
    ]
