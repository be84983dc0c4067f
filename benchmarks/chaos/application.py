"""The application of the sweeps: trials of under a second that check their folder and write a
ledger.

The ledger, outside of the sweep's folder, records what really happened, one line per event.
"""

import json
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

APP = """
import atexit, json, os, resource, sys, threading, time
from pathlib import Path
import hydra
from hydra_study import trial

ROOT = Path(__file__).parent
FATES = {int(number): fate for number, fate in json.loads((ROOT / "fates.json").read_text()).items()}


def note(say, number, **facts):
    line = json.dumps({"say": say, "number": number, "pid": os.getpid(), **facts}) + "\\n"
    file = os.open(ROOT / "ledger.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, line.encode())
    os.close(file)


def save(path, text):
    while True:  # the application's own handling of a full disk is not tested
        try:
            path.parent.mkdir(exist_ok=True)
            path.with_suffix(".part").write_text(text)
            return os.replace(path.with_suffix(".part"), path)
        except OSError:
            time.sleep(0.1)


def suffer(fate):
    if fate == "exception":
        raise RuntimeError("a bug in user code")
    if fate == "memory_error":
        raise MemoryError("too big")
    if fate == "memory_limit":
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + 2**28, resource.getrlimit(resource.RLIMIT_AS)[1]))
        bytearray(2**30)
    if fate == "sys_exit":
        sys.exit(3)
    if fate == "os_exit":
        os._exit(3)
    if fate == "hanging_thread":
        threading.Thread(target=time.sleep, args=(3600,)).start()
    if fate == "hanging_atexit":
        atexit.register(time.sleep, 3600)
    if fate == "closed_output":
        os.close(1), os.close(2)


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(cfg):
    me = trial.current()
    folder, former = Path(me.folder), me.checkpoint
    found = sorted(path.name for path in folder.iterdir() if path.name not in ("console.log", "app.log", ".hydra"))
    state = json.loads(Path(former).read_text()) if former else {"step": 0, "sum": 0.0}
    note("begin", me.number, found=found, start=state["step"], x=cfg.x)
    fate, value = FATES.get(me.number), 0.0
    for step in range(state["step"], cfg.steps):
        time.sleep(cfg.pause)
        state = {"step": step + 1, "sum": state["sum"] + cfg.x}
        save(folder / "checkpoints" / "last.ckpt", json.dumps(state))
        note("step", me.number, step=step + 1)
        if me.report(step + 1, state["sum"], is_last=step + 1 == cfg.steps):
            note("stop", me.number)
            raise trial.Pruned("stopped")
        if fate and step + 2 >= cfg.steps:
            note("fate", me.number, fate=fate)
            suffer(fate)
            value = float("nan") if fate == "nan" else 0.0
            fate = None
    note("return", me.number)
    return value + state["sum"]


if __name__ == "__main__":
    main()
"""  # noqa: E501
CONFIG = """
defaults:
  - _self_
  - override hydra/sweeper: study
  - override hydra/sweeper/sampler: random
  - override hydra/sweeper/schedule: {schedule}

x: 0.0
steps: 6
pause: 0.08
hydra:
  sweeper:
    view: lines
    study_name: app
    n_trials: {total}
    slots: {slots}
    workers: {workers}
    storage: {storage}
    stale_after: {stale_after}
    grace: 3
    max_errors: null
    policy: {{killed: retry 50}}
    params: {{x: "interval(0, 1)"}}
  sweep:
    dir: {sweep}
"""
CLOCK = """
import os, socket, time

name, file, wall = os.environ.get("CHAOS_MACHINE"), os.environ.get("CHAOS_CLOCK"), time.time
if name:
    socket.gethostname = lambda: name
if file:
    seen = [0, 0.0]

    def jumping():
        try:
            stamp = os.stat(file).st_mtime_ns
            if stamp != seen[0]:
                with open(file) as text:
                    seen[:] = stamp, float(text.read())
        except (OSError, ValueError):
            pass
        return wall() + seen[1]

    time.time = jumping
"""
# Faults inside of a trial, and the kind of outcome that the sweep must record.
FATES = {
    "exception": "error",
    "nan": "diverged",
    "memory_error": "out_of_memory",
    "memory_limit": "out_of_memory",
    "sys_exit": "error",
    "os_exit": "error",
    "hanging_thread": "complete",
    "hanging_atexit": "complete",
    "closed_output": "complete",
}


@dataclass(frozen=True)
class Application:
    """An application in a folder of its own.

    Attributes:
        folder: Where it lies.
        total: `n_trials` of its sweep.
        fates: Faults inside of trials, by number.
        storage: `hydra.sweeper.storage`; None for a journal in the sweep's folder.
        schedule: `hydra/sweeper/schedule`.
    """

    folder: Path
    total: int
    fates: dict[int, str]
    storage: str | None
    schedule: str = "none"

    @property
    def sweep(self) -> Path:
        """The folder of the sweep."""
        return self.folder / "multirun" / "app"

    @property
    def steps(self) -> int:
        """Steps of a trial; each adds x to its value."""
        return 6

    def write(self, slots: int, workers: int, stale_after: float) -> None:
        """Write the application's files."""
        (self.folder / "conf").mkdir(parents=True)
        self.sweep.mkdir(parents=True)
        (self.folder / "tmp").mkdir()
        (self.folder / "app.py").write_text(APP)
        (self.folder / "sitecustomize.py").write_text(CLOCK)
        (self.folder / "fates.json").write_text(json.dumps(self.fates))
        (self.folder / "ledger.jsonl").touch()
        text = CONFIG.format(
            total=self.total,
            slots=slots,
            workers=workers,
            storage=self.storage or "null",
            schedule=self.schedule,
            stale_after=stale_after,
            sweep=self.sweep,
        )
        (self.folder / "conf" / "config.yaml").write_text(textwrap.dedent(text))

    def ledger(self) -> list[dict[str, Any]]:
        """Return the lines of the ledger so far."""
        lines = (self.folder / "ledger.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]
