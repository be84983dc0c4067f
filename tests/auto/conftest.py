"""A plan written by hand, and a run whose commands are not executed."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from convsweep.auto.request import parse_request
from convsweep.auto.start import auto
from convsweep.auto.state import State, read_state

PLAN = """
defaults:
  - config
  - override /data: digits
  - override /logger: none
  - _self_
num_threads: 1
data: {max_train: 200}
optimizer: {lr: 0.001}
trainer: {max_epochs: 1, accelerator: cpu}
"""
SEARCH = """# @package _global_
defaults:
  - override /hydra/sweeper: study
test: false
hydra:
  sweeper:
    n_trials: 40
    slots: 2
    observer: null
    params:
      optimizer.lr: tag(log, interval(1e-3, 1e-1))
    enqueue:
      - {optimizer.lr: 0.001}
"""
RECORD = {
    "data": "1,797 images of 8x8 with 1 channel, classification, 10 classes",
    "has_classes": True,
    "num_train": 200,
    "num_val": 144,
    "num_test": 359,
    "classes": [str(digit) for digit in range(10)],
    "monitor": "val/accuracy",
    "mode": "max",
    "epochs": 1,
    "steps": 25,
    "steps_on_all": 43,
    "seconds_per_training": 20.0,
    "data_fingerprint": {"a.png": "1 ab", "b.png": "2 cd"},
    "warnings": [],
}

ORDER = ["plan", "baseline", "search", "confirm", "winner", "evaluate", "export", "report"]


def write_plan(folder: Path, **record: Any) -> None:
    """Write what `convsweep plan data=digits` would write."""
    (folder / "sweeps").mkdir(parents=True, exist_ok=True)
    (folder / "plan.yaml").write_text(PLAN)
    (folder / "sweeps" / "search.yaml").write_text(SEARCH)
    (folder / "plan.json").write_text(json.dumps({**RECORD, **record}))


def write(file: Path, content: str | dict[str, Any]) -> None:
    """Write a file, and its folder."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content))


class Commands:
    """Writes what each command would write, and keeps its arguments.

    Args:
        answer: of the confirmation's verdict.
        codes: exit code by command.
        hook: called with the name of each command before it is done.
    """

    def __init__(
        self,
        answer: str = "better",
        codes: dict[str, int] | None = None,
        hook: Callable[[str], None] = lambda name: None,
    ) -> None:
        self.answer, self.codes, self.hook = answer, codes or {}, hook
        self.called: list[list[str]] = []

    @property
    def names(self) -> list[str]:
        """The commands in their order; a search is `search`."""
        return [name_of(each) for each in self.called]

    def __call__(
        self,
        arguments: Sequence[str],
        folder: Path,
        begin: Callable[[int], None],
        follow: Callable[[], None],
    ) -> int:
        """Do as `run_process` does."""
        self.called.append(list(arguments))
        begin(1)
        follow()
        name = name_of(arguments)
        self.hook(name)
        code = self.codes.get(name, 0)
        if code == 0:
            getattr(self, f"write_{name}", lambda folder: None)(folder)
        return code

    def write_plan(self, folder: Path) -> None:
        """Write a plan."""
        write_plan(folder)

    def write_baseline(self, folder: Path) -> None:
        """Write the baseline's result."""
        write(folder / "baseline" / "result.json", result(0.8, 3))

    def write_search(self, folder: Path) -> None:
        """Write the trials."""
        rows = ["number,kind,reason,value,optimizer.lr,seconds", "0,complete,,0.7,0.001,2.0"]
        rows += ["1,complete,,0.9,0.01,2.0", "2,complete,,0.85,0.1,1.0"]
        write(folder / "study" / "sweep.csv", "\n".join(rows) + "\n")

    def write_confirm(self, folder: Path) -> None:
        """Write the verdict, and the trainings of trial 1 with best epochs 4, 5 and 9."""
        trainings = []
        for seed, epoch in ((1, 4), (2, 9), (3, 5)):
            run = folder / "study" / "confirm" / "runs" / str(seed)
            write(run / "result.json", result(0.85, epoch, stopped_early=True))
            trainings.append({"seed": seed, "kind": "complete", "folder": f"confirm/runs/{seed}"})
        spread = {"n": 3, "mean": 0.85, "std": 0.01, "low": 0.84, "high": 0.86}
        network = {"validation": spread, "trainings": trainings, "params": {"optimizer.lr": 0.01}}
        difference = {"n": 3, "mean": 0.05, "std": 0.01, "low": 0.03, "high": 0.07}
        verdict = {"answer": self.answer, "words": "trial 1 ...", "difference": difference}
        names = ["trial 1", "baseline"]
        content = {
            "winner": "trial 1",
            "verdict": verdict,
            "networks": [{"name": name, **network} for name in names],
        }
        write(folder / "study" / "confirm" / "confirm.json", content)

    def write_winner(self, folder: Path) -> None:
        """Write the result of the training on all data."""
        write(folder / "winner" / "result.json", result(0.99, 5))

    def write_evaluate(self, folder: Path) -> None:
        """Write four answers, three of them right."""
        lines = ["sample,loss,true,predicted,probability"]
        lines += [f"{n},0.1,a,{answer},0.9" for n, answer in enumerate("aaab")]
        write(folder / "evaluation" / "samples.csv", "\n".join(lines) + "\n")
        classes = [{"class": "a", "count": 4, "precision": None, "recall": 0.75}]
        metrics = {"accuracy": 0.75, "loss": 0.1}
        content = {"samples": 4, "metrics": metrics, "classes": classes}
        write(folder / "evaluation" / "evaluation.json", content)

    def write_export(self, folder: Path) -> None:
        """Write a program and its latencies."""
        write(folder / "exported" / "model.pt2", "program")
        content = {"milliseconds": {"eager": {"1": 0.5, "32": 4.0}}, "machine": "a machine"}
        write(folder / "exported" / "export.json", content)


def name_of(arguments: Sequence[str]) -> str:
    """Return the command's name; of trainings the stage's."""
    if arguments[0] != "train":
        return arguments[0]
    if "--dry-run" in arguments:
        return "preview"
    if "-m" in arguments:
        return "search"
    return "baseline" if any("baseline" in text for text in arguments) else "winner"


def result(score: float, epoch: int, *, stopped_early: bool = False) -> dict[str, Any]:
    """Return a run's result."""
    return {
        "outcome": "complete",
        "objectives": {"val/accuracy": score},
        "best_epoch": epoch,
        "epochs": 9,
        "stopped_early": stopped_early,
        "seconds": 2.0,
        "checkpoint": "checkpoints/best.ckpt",
        "cost": {"params": 1234, "macs": 5e6, "memory": 2**20, "in_shape": [1, 8, 8]},
    }


def run(folder: Path, commands: Commands, *words: str, data: dict[str, str] | None = None) -> int:
    """Run all stages, whose commands are not executed; by default of a budget of 30 minutes."""
    request = parse_request(["data=digits", f"folder={folder}", *(words or ("budget=30min",))])
    now: Any = RECORD["data_fingerprint"] if data is None else data
    return auto(request, commands, lambda overrides: now)


def state_of(folder: Path) -> State:
    """Return the state of a run."""
    state = read_state(folder)
    assert state is not None
    return state
