"""Trials that make steps, which a test may hold at one of them."""

import contextlib
import subprocess
from pathlib import Path

from .conftest import MakeToy, Toy

# A trial waits in step n while a file `hold<n>` is there: a fault then meets two trials with steps
# left, however busy the machine is.
STEPS = """
    link = trial.current()
    start = int(Path(link.checkpoint).read_text()) if link.checkpoint else 0
    Path(link.folder, "checkpoints").mkdir(exist_ok=True)
    for step in range(start + 1, cfg.steps + 1):
        time.sleep(0.05)
        with open("steps.txt", "a") as log: log.write(f"{link.number} {step}\\n")
        save(Path(link.folder, "checkpoints", "last.ckpt"), str(step))
        while Path(f"hold{step}").exists(): time.sleep(0.02)
        link.report(step, cfg.x)
    return cfg.x
"""
OPTIONS = "n_trials: {n}\nslots: 2\nparams: {{x: 'interval(0,1)'}}\ngrace: 10\n"


def make(toy: MakeToy, n: int, steps: int = 20, more: str = "") -> Toy:
    """Return a sweep of trials that report."""
    return toy(STEPS, f"x: 0.0\nsteps: {steps}", OPTIONS.format(n=n) + more)


def steps_of(app: Toy) -> int:
    """Return how many steps all trials have made."""
    path = app.folder / "steps.txt"
    return len(path.read_text().splitlines()) if path.exists() else 0


def hold_trials(app: Toy, step: int) -> Path:
    """Let trials wait in a step, and return the file whose end lets them go on."""
    held = app.folder / f"hold{step}"
    held.touch()
    return held


def is_open(path: Path, process: "subprocess.Popen[str]") -> bool:
    """Return whether a process has a file open."""
    with contextlib.suppress(OSError):
        return any(link.readlink() == path for link in Path(f"/proc/{process.pid}/fd").iterdir())
    return False
