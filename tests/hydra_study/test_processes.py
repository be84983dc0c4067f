"""Each trial has a process of its own, forked from a clean interpreter, which ends with all that
the trial started.
"""

import os
from pathlib import Path

import pytest

from .conftest import MakeToy, Toy, wait_for

pytestmark = pytest.mark.long

GRID = "hydra/sweeper/sampler=grid"
THREE = "n_trials: 3\nslots: 1\nparams: {x: 'range(0,3)'}"


def begin_with(app: Toy, text: str) -> None:
    """Let the program begin with these lines."""
    program = app.folder / "app.py"
    program.write_text(text + program.read_text())


def is_alive(pid: int) -> bool:
    """Return whether a process is there and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_no_trial_sees_what_another_has_changed(toy: MakeToy) -> None:
    body = """
        import threading
        seen = (os.getcwd(), "here" in sys.path, threading.active_count(), os.environ.get("LEFT"), os.umask(0o22))
        sys.path.append("here")
        os.environ["LEFT"] = "1"
        threading.Thread(target=time.sleep, args=(100,), daemon=True).start()
        os.chdir("/")
        os.umask(0o77)
        Path(trial.current().folder, "seen").write_text(repr(seen))
        return os.getpid()
    """  # noqa: E501
    app = toy(body, sweeper=THREE)
    app.run(GRID)
    assert app.kinds() == ["complete"] * 3
    assert len({trial.value for trial in app.trials()}) == 3
    assert len({(app.sweep / str(number) / "seen").read_text() for number in range(3)}) == 1


THREAD = """
import queue, threading
questions, answers = queue.Queue(), queue.Queue()
def answer():
    while True:
        answers.put(questions.get() + 1)
threading.Thread(target=answer, daemon=True, name="answering").start()
"""
ASK = "import thready; thready.questions.put(cfg.x); return thready.answers.get(timeout=60)"


@pytest.mark.parametrize("preload", ["", "\npreload: [thready]"])
def test_a_module_that_starts_a_thread_has_it_in_every_trial(toy: MakeToy, preload: str) -> None:
    app = toy(ASK, sweeper=THREE + preload)
    (app.folder / "thready.py").write_text(THREAD)
    output = app.run(GRID)
    assert [trial.value for trial in app.trials()] == [1, 2, 3]
    said = "each trial will import thready itself and start later: this starts a thread (answering"
    assert (said in output) == bool(preload)


def test_a_module_that_leaves_the_process_ends_its_trial_only(toy: MakeToy) -> None:
    app = toy("import leaves", sweeper=THREE + "\nmax_errors: null")
    (app.folder / "leaves.py").write_text("import sys; sys.exit(3)")
    app.run(GRID)
    assert app.kinds() == ["error"] * 3
    other = toy("return cfg.x", sweeper=THREE + "\npreload: [leaves]")
    (other.folder / "leaves.py").write_text("import sys; sys.exit(3)")
    output = other.run(GRID, code=1)
    assert "must be importable in a fresh process" in output
    assert "but it ended: SystemExit(3)" in output
    assert "Traceback" not in output


def test_a_program_that_uses_cuda_at_import_can_use_it_in_trials(
    toy: MakeToy, monkeypatch: pytest.MonkeyPatch
) -> None:
    # without a GPU that answers nothing anyway
    monkeypatch.setenv("PYTORCH_NVML_BASED_CUDA_CHECK", "0")
    body = "import torch; return float(torch._C._cuda_isInBadFork())"
    app = toy(body, sweeper="n_trials: 1\nslots: 1\nparams: {x: 'range(0,1)'}")
    begin_with(app, "import torch\nanswer = torch.cuda.is_available()\n")
    output = app.run(GRID)
    assert [trial.value for trial in app.trials()] == [0.0]
    said = "each trial will import the program itself and start later: this initialises"
    assert said in output


def test_a_trial_that_reported_its_outcome_and_hangs_is_killed_and_its_result_counts(
    toy: MakeToy,
) -> None:
    body = """
        import atexit, threading
        if cfg.x == 0:
            atexit.register(time.sleep, 1000)
        if cfg.x == 1:
            threading.Thread(target=time.sleep, args=(1000,)).start()
        return cfg.x
    """
    app = toy(body, sweeper=THREE + "\ngrace: 0.5")
    app.run(GRID)
    assert app.kinds() == ["complete"] * 3
    assert [trial.value for trial in app.trials()] == [0, 1, 2]


def test_a_trial_ends_like_any_program_and_what_it_has_started_ends_with_it(toy: MakeToy) -> None:
    body = """
        import atexit, subprocess, threading
        folder = Path(trial.current().folder)
        atexit.register(lambda: (folder / "closed").touch())
        threading.Thread(target=lambda: (time.sleep(0.3), (folder / "waited").touch())).start()
        import logging.handlers, tempfile
        keeping = logging.handlers.MemoryHandler(100, target=logging.FileHandler(folder / "late.log"))
        logging.getLogger("late").addHandler(keeping)
        logging.getLogger("late").warning("written at the end")
        trial.passing = tempfile.TemporaryDirectory(dir=folder)
        print("printed at last")
        return subprocess.Popen(["sleep", "1000"]).pid
    """  # noqa: E501
    app = toy(body, sweeper=THREE)
    app.run(GRID)
    assert app.kinds() == ["complete"] * 3
    assert all(
        (app.sweep / str(number) / name).is_file()
        for number in range(3)
        for name in ("closed", "waited")
    )
    for folder in (app.sweep / str(number) for number in range(3)):
        assert "written at the end" in (folder / "late.log").read_text()
        assert "printed at last" in (folder / "console.log").read_text()
        assert not list(folder.glob("tmp*"))
    wait_for(lambda: not any(is_alive(int(trial.value or 0)) for trial in app.trials()))


def test_trials_know_what_the_program_does_at_its_top(toy: MakeToy) -> None:
    body = """
        from hydra.utils import get_object
        part = get_object("__main__.Part")(cfg.twice)
        assert __import__("pickle").loads(__import__("pickle").dumps(part)).value == cfg.twice
        return part.value
    """
    app = toy(body, "x: 0\ntwice: ${double:${x}}", THREE)
    head = (
        "from omegaconf import OmegaConf\nOmegaConf.register_new_resolver('double', lambda x: 2 *"
        " x)\n"
    )
    begin_with(
        app, head + "class Part:\n    def __init__(self, value):\n        self.value = value\n"
    )
    app.run(GRID)
    assert [trial.value for trial in app.trials()] == [0, 2, 4]


def test_a_program_with_an_unguarded_main_function_starts_no_second_sweep(toy: MakeToy) -> None:
    pytest.importorskip("cloudpickle")
    app = toy("return cfg.x", sweeper=THREE)
    program = app.folder / "app.py"
    program.write_text(program.read_text().replace('if __name__ == "__main__":', "if True:"))
    output = app.run(GRID)
    assert "must call its main function below" in output
    assert [trial.value for trial in app.trials()] == [0, 1, 2]


def test_a_killed_fork_server_ends_its_trials_and_is_replaced(toy: MakeToy) -> None:
    body = """
        if not Path("killed").exists():
            Path("killed").touch()
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(1000)
        return os.getppid()
    """
    app = toy(body, sweeper=THREE)
    app.run(GRID)
    assert app.kinds() == ["killed", "complete", "complete", "complete"]
    assert os.getpid() not in {trial.value for trial in app.trials()}


def test_a_signal_right_after_the_fork_is_not_lost(toy: MakeToy) -> None:
    app = toy("return cfg.x", sweeper="n_trials: 1\nparams: {x: 'interval(0,1)'}\nslots: 1")
    program = app.folder / "app.py"
    asked = """
def ask():
    if "fork_server" in " ".join(sys.orig_argv) and not Path("asked").exists():
        Path("asked").touch()
        os.kill(os.getpid(), signal.SIGTERM)

os.register_at_fork(after_in_child=ask)
"""
    program.write_text(program.read_text().replace("\ndef run(", f"{asked}\ndef run("))
    app.run()
    assert (app.folder / "asked").exists()
    assert app.kinds() == ["killed", "complete"]
