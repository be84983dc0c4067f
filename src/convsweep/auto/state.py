"""state.json: the request of a run, and the progress of its stages."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from convsweep.auto.request import key_of, value_of
from convsweep.errors import UserError
from convsweep.run_folder import write_atomically

STATE = "state.json"
Status = Literal["open", "running", "done", "left_out", "failed"]
ENDED = ("done", "left_out", "failed")
# Files or keys that a message names; it counts the others.
NAMED = 5


@dataclass
class StageState:
    """How far a stage has come.

    Attributes:
        status: open, running (or killed in it), done, left_out or failed.
        seconds: how long it ran, over all starts.
        joules: the energy that the machine used meanwhile, as measured or by its stated power.
        starts: how often its command was started.
        command: the arguments of its command after `convsweep`, kept over a restart.
        note: why it was left out or failed, or what was decided.
        replaced: the arguments of an earlier start, by other limits; empty if there was none.
    """

    status: Status = "open"
    seconds: float = 0.0
    joules: float = 0.0
    starts: int = 0
    command: list[str] = field(default_factory=list)
    note: str = ""
    replaced: list[str] = field(default_factory=list)


@dataclass
class State:
    """A run.

    Attributes:
        overrides: of the config, and of the engine.
        stages: by name, in their order.
        seconds: how long all starts have run, stages and what is between them.
        joules: the energy that the machine used in that time.
        counters: what this energy was counted by; empty: it was not.
        limits: of time, energy, trials, epochs, finalists and seeds, by which the commands were
            made.
        pid: of the process of the running stage.
        folder: where the run began, an absolute path.
    """

    overrides: list[str]
    stages: dict[str, StageState] = field(default_factory=dict)
    seconds: float = 0.0
    joules: float = 0.0
    counters: str = ""
    limits: list[float | None] = field(default_factory=list)
    pid: int | None = None
    folder: str = ""

    @property
    def is_finished(self) -> bool:
        """Whether no stage is left to do."""
        return bool(self.stages) and all(each.status in ENDED for each in self.stages.values())

    def take_limits(self, limits: list[float | None]) -> None:
        """Forget the commands that are not done if they were made by other limits, and open the
        stages that were left out, except those after which another one has run.
        """
        if limits != self.limits:
            is_last = True
            for stage in reversed(self.stages.values()):
                if stage.status == "left_out" and is_last:
                    stage.status, stage.note = "open", ""
                is_last = is_last and stage.status == "open"
                if stage.status not in ENDED:
                    stage.replaced = stage.command or stage.replaced
                    stage.command = []
        self.limits = limits

    def write(self, folder: Path) -> None:
        """Write it to a folder."""
        write_atomically(folder / STATE, json.dumps(asdict(self), indent=2) + "\n")


def read_state(folder: Path) -> State | None:
    """Return the state in a folder, or None if there is none.

    Raises:
        UserError: the file cannot be read.
    """
    file = folder / STATE
    if not file.is_file():
        return None
    try:
        content = json.loads(file.read_text())
        stages = {name: StageState(**each) for name, each in content.pop("stages").items()}
        return State(**content, stages=stages)
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"{file} must be a state of convsweep auto, but cannot be read ({error}); choose"
            " another folder=FOLDER"
        ) from error


def check_same_request(state: State, overrides: Sequence[str], folder: Path) -> None:
    """Check that the run of a folder had the same request.

    Raises:
        UserError: it was not; the message names what differs.
    """
    then, now = (
        {key_of(text): value_of(text) for text in each} for each in (state.overrides, overrides)
    )
    changed = [
        f"{key}: {then.get(key, 'not given')} then, {now.get(key, 'not given')} now"
        for key in sorted(then.keys() | now.keys())
        if then.get(key) != now.get(key)
    ]
    if changed:
        raise UserError(
            f"a folder holds one plan, but that of {folder} was made for other overrides"
            f" ({_some(changed, '; ')}); give the same, or another folder=FOLDER"
        )


def check_same_folder(state: State, folder: Path) -> None:
    """Check that the folder of a run is where the run began; its studies and runs name files by
    absolute paths.

    Raises:
        UserError: it was moved or copied.
    """
    if state.folder and state.folder != str(folder.resolve()):
        raise UserError(
            f"a run goes on in the folder where it began, {state.folder}, but this one is"
            f" {folder.resolve()}; move it back, or choose another folder=FOLDER"
        )


def check_same_data(then: Mapping[str, Any], now: Mapping[str, Any], folder: Path) -> None:
    """Check that the data is what the plan was made for.

    Raises:
        UserError: it is not; the message names files.
    """
    from convsweep.data.files.fingerprints import changes  # imports numpy and Hydra

    new, gone, changed = changes(then, now).values()
    parts = {"new": new, "gone": gone, "changed": changed}
    said = [f"{len(names)} {what}: {_some(names, ', ')}" for what, names in parts.items() if names]
    if said:
        raise UserError(
            f"the data must be what the plan in {folder} was made for, but it has changed"
            f" ({'; '.join(said)}); restore it, or plan again with another folder=FOLDER"
        )


def _some(names: Sequence[str], between: str) -> str:
    more = f"{between}and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return between.join(names[:NAMED]) + more
