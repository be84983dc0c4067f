"""A late package runs its `__init__` once, at the first use of a name that it does not have yet,
and returns no stand-ins.
"""

import subprocess
import sys
from pathlib import Path

import pytest

INIT = """
ran.append(__name__)
from late.base import Base
from late import heavy
from late.heavy import Heavy
__all__ = ['Heavy']
"""
FILES = {
    "__init__.py": INIT,
    "base.py": "ran.append(__name__)\nclass Base: pass\n",
    "light.py": "ran.append(__name__)\nfrom late import Base\nclass Light(Base): pass\n",
    "heavy.py": "ran.append(__name__)\nfrom late import Base\nclass Heavy(Base): pass\n",
    "aside.py": "ran.append(__name__)\n",
    "inner/__init__.py": "ran.append(__name__)\nfrom late.inner.deep import depth\n",
    "inner/deep.py": "ran.append(__name__)\nimport late.heavy\ndepth = 3\n",
    "inner/flat.py": "ran.append(__name__)\n",
}
START = """
import builtins, sys
builtins.ran = ran = []
from convsweep.patches.late_packages import LatePackage, defer, is_late
light = frozenset({"base", "light", "inner"})
root = LatePackage("late", {"Base": "base", "answer": lambda: 42}, light, first="base")
defer(root, LatePackage("late.inner", {}, frozenset({"flat"})))
import late
assert is_late("late") and ran == ["late.base"], ran
"""


def run(folder: Path, code: str) -> list[str]:
    """Return what a fresh process prints that has imported a late package."""
    for name, text in FILES.items():
        path = folder / "late" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", START + code],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


NAMES = """
from late import Base, answer
from late.light import Light
import late.base, late.inner, late.inner.flat
assert is_late("late") and is_late("late.inner")
assert ran == ["late.base", "late.light", "late.inner.flat"], ran
assert Base is late.base.Base and issubclass(Light, Base) and answer == 42
"""
WHOLE = """
assert not is_late("late") and type(late).__name__ == "module"
assert ran[0] == "late.base" and ran.index("late") < ran.index("late.heavy"), ran
assert len(ran) == len(set(ran)), ran
assert late.Heavy is sys.modules["late.heavy"].Heavy and late.heavy is sys.modules["late.heavy"]
assert issubclass(late.Heavy, late.Base) and late.Base is sys.modules["late.base"].Base
assert type(late.__spec__.loader).__name__ == type(late.__loader__).__name__ == "SourceFileLoader"
assert type(late.heavy.__spec__.loader).__name__ == "SourceFileLoader"
"""


def test_a_few_names_and_modules_are_had_without_it(tmp_path: Path) -> None:
    run(tmp_path, NAMES)


@pytest.mark.parametrize(
    "use",
    [
        "late.Heavy",
        "from late import Heavy",
        "from late import *; assert 'Heavy' in globals()",
        "import late.heavy",
        "from late.heavy import Heavy",
        "import late.aside",
        "import importlib; importlib.import_module('late.heavy')",
        "assert 'Heavy' in dir(late)",
        "assert not hasattr(late, 'no_such_name')",
        "import pickle; pickle.loads(b'clate.heavy\\nHeavy\\n.')",
        "import late.inner; assert late.inner.depth == 3",
    ],
)
def test_any_other_use_runs_it(use: str, tmp_path: Path) -> None:
    run(tmp_path, use + WHOLE)


def test_a_package_inside_runs_by_itself(tmp_path: Path) -> None:
    run(
        tmp_path,
        "import late.inner.flat\nassert is_late('late.inner')\nfrom late.inner import depth\nassert"
        " depth == 3" + WHOLE,
    )


def test_a_function_that_names_it_goes_to_other_processes(tmp_path: Path) -> None:
    pytest.importorskip("cloudpickle")
    run(
        tmp_path,
        "import cloudpickle\nassert cloudpickle.loads(cloudpickle.dumps(lambda: late))() is late"
        " and is_late('late')",
    )


def test_what_is_imported_already_is_left_alone(tmp_path: Path) -> None:
    again = "late.Heavy\nbefore = list(ran)\ndefer(root)\nimport late\nassert ran == before"
    run(tmp_path, again + WHOLE)


THREADS = """
import threading, time
builtins.gate = gate = threading.Barrier(4)
def use(number):
    gate.wait()
    ways = ["late.Heavy", "import late.heavy", "from late import Heavy"]
    exec([*ways, "import late.inner; late.inner.depth"][number])
    found.append(late.Heavy)
found = []
threads = [threading.Thread(target=use, args=(number,)) for number in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert len(found) == 4 and len(set(found)) == 1, found
"""


def test_threads_that_come_at_once_get_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FILES, "heavy.py", "import time; time.sleep(0.3)\n" + FILES["heavy.py"])
    run(tmp_path, THREADS + WHOLE)


def test_an_init_that_fails_is_run_again(tmp_path: Path) -> None:
    failing = """
import late.base
first = builtins.ran
class Once(list):
    def append(self, name):
        if name == "late" and not failed: failed.append(1); raise OSError("once")
        super().append(name)
failed = []
builtins.ran = ran = Once(ran)
try: late.Heavy
except OSError as error: assert str(error) == "once"
else: raise AssertionError
assert is_late("late")
late.Heavy
"""
    run(tmp_path, failing + WHOLE)
