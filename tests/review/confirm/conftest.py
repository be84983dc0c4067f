"""A toy application that leaves what a run of train.py leaves, in milliseconds, and the
confirmation of its sweeps.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from convsweep.review.confirm.confirmation import confirm
from convsweep.review.confirm.request import parse_request
from tests.checkpoints import Command, command_fixture
from tests.hydra_study.conftest import Toy

BODY = """
import json
from hydra.core.hydra_config import HydraConfig
folder = Path(HydraConfig.get().runtime.output_dir)
with open("ran.txt", "a") as file:
    file.write(f"{cfg.net} {cfg.x} {cfg.seed} {cfg.test}\\n")
if cfg.net == "broken" and (cfg.seed > 0 or cfg.fail_early):
    raise RuntimeError("a broken net")
while cfg.seed > 1 and Path("hold_later_seeds").exists():
    time.sleep(0.05)
while cfg.seed == 0 and cfg.net != "good" and Path("hold").exists():
    time.sleep(0.05)
score = {"good": 0.9, "lucky": 0.8, "plain": 0.7, "broken": 0.6}[cfg.net]
score += cfg.x + 0.01 * (cfg.seed % 3)
score += 0.3 if cfg.net == "lucky" and cfg.seed == 0 else 0
test = {"test/accuracy": score - 0.1} if cfg.test == "always" else {}
macs = {"good": 30.0, "lucky": 10.0, "plain": 20.0, "broken": 40.0}[cfg.net]
objectives = {"val/accuracy": score, "macs": macs}
cost = {"params": 10, "macs": objectives["macs"]}
result = {"objectives": objectives, "test": test, "cost": cost, "seconds": 0.1}
(folder / "result.json").write_text(json.dumps(result))
return [objectives[name] for name in cfg.objectives] if cfg.objectives else score
"""
CONFIG = """
net: plain
x: 0.0
seed: 0
test: false
name: toy
objectives: null
fail_early: false
monitor: {metric: val/accuracy, mode: max}
"""
SWEEPER = """
direction: maximize
slots: 2
max_errors: null
policy: {killed: retry 2}
ignore: [seed, name]
"""


class Confirmed:
    """A toy sweep and the confirmations of it."""

    def __init__(self, folder: Path, run: Command) -> None:
        self.toy = Toy(folder, BODY, CONFIG, SWEEPER)
        self.sweep = self.toy.sweep
        self.run = run

    @property
    def command(self) -> list[str]:
        """The beginning of a confirmation's command."""
        return [sys.executable, "-m", "convsweep", "confirm", str(self.sweep)]

    def confirm(self, *arguments: str, code: int = 0) -> str:
        """Confirm the sweep in this process, from which the program of the sweep is started, and
        return what was printed.
        """
        assert self.run(self.sweep, *arguments) == code, self.run.out + self.run.err
        return self.run.out + self.run.err

    @property
    def document(self) -> dict[str, Any]:
        """The content of confirm.json."""
        content = json.loads((self.sweep / "confirm" / "confirm.json").read_text())
        assert isinstance(content, dict)
        return content

    def networks(self) -> dict[str, Any]:
        """What confirm.json says of every network."""
        return {network["name"]: network for network in self.document["networks"]}

    def ran(self) -> list[list[str]]:
        """Return net, x, seed and `test` of every call of the task function, in order."""
        return [line.split() for line in (self.toy.folder / "ran.txt").read_text().splitlines()]


MakeConfirmed = Callable[..., Confirmed]
run = command_fixture(lambda arguments: confirm(parse_request(arguments)))


@pytest.fixture
def swept(tmp_path: Path, run: Command) -> MakeConfirmed:
    """Return a function that runs a toy sweep."""

    def make(*arguments: str, code: int = 0) -> Confirmed:
        confirmed = Confirmed(tmp_path / "toy", run)
        confirmed.toy.run("hydra/sweeper/sampler=grid", *arguments, code=code)
        return confirmed

    return make
