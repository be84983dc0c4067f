"""A template imports what its trials had to, once, and is not disturbed by what cannot be imported."""

import os
import subprocess
import sys
from pathlib import Path

from tests.study.conftest import MakeToy

TEACH = """
import os, sys
from hydra_plugins.study.search.lessons import Lesson
lesson = Lesson()
pid = os.fork()
if pid == 0:
    lesson.begin()
    import late
    sys.modules["made.up"] = late
    import broken_elsewhere
    lesson.tell()
    os._exit(0)
lesson.forked()
os.waitpid(pid, 0)
lesson.learn()
print("late" in sys.modules, "broken_elsewhere" in sys.modules)
"""


def test_what_a_child_imported_is_imported_here(tmp_path: Path) -> None:
    (tmp_path / "late.py").write_text("")
    (tmp_path / "broken_elsewhere.py").write_text("import os\nassert os.getppid() != " + str(os.getpid()))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", TEACH], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]


def test_the_second_trial_of_a_sweep_finds_what_the_first_imported(toy: MakeToy) -> None:
    body = """
    known = "late" in sys.modules
    import late
    return float(known)
    """
    app = toy(body, sweeper="n_trials: 3\nslots: 1\nfresh_after: 0\nparams: {x: 'interval(0, 1)'}")
    (app.folder / "late.py").write_text("")
    app.run()
    assert [trial.value for trial in app.trials()] == [0.0, 1.0, 1.0]


def test_a_preloaded_module_rehearses_and_does_so_again_behind_a_lesson(toy: MakeToy) -> None:
    body = """
    import early, late
    assert all(0 <= x <= 1 for x in early.seen)
    return float(len(early.seen))
    """
    app = toy(body, sweeper="n_trials: 3\nslots: 1\nfresh_after: 0\npreload: [early]\nparams: {x: 'interval(0, 1)'}")
    (app.folder / "early.py").write_text("seen = []\ndef rehearse(config):\n    seen.append(config.x)\n")
    (app.folder / "late.py").write_text("")
    app.run()
    assert [trial.value for trial in app.trials()] == [1.0, 2.0, 2.0]
