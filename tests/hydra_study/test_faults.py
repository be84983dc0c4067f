"""No fault of a machine, a disk or a database loses a trial, and none is counted twice."""

import contextlib
import fcntl
import json
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState, create_trial

from hydra_study.interrupts import Interrupts, Overdue, time_limit
from hydra_study.storage.patience import GaveUpWaitingError, Patience
from hydra_study.storage.patient_storage import PatientStorage

from .conftest import PATIENCE_S, MakeToy, Toy, wait_for
from .postgresql import Server, trials_in
from .test_machines import ANOTHER_MACHINE

pytestmark = pytest.mark.long

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


def on_machine(
    app: Toy, name: str, monkeypatch: pytest.MonkeyPatch, *arguments: str
) -> "subprocess.Popen[str]":
    """Start a sweep on a machine of that name."""
    (app.folder / "sitecustomize.py").write_text(ANOTHER_MACHINE)
    with monkeypatch.context() as patch:
        for key, value in {
            "TOY_MACHINE": name,
            "TOY_CLOCK": "0",
            "PYTHONPATH": str(app.folder),
        }.items():
            patch.setenv(key, value)
        return app.start("hydra/sweeper/sampler=random", *arguments)


def test_a_paused_worker_that_was_taken_for_dead_drops_its_trials_and_continues(
    toy: MakeToy, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make(toy, 6, more="stale_after: 1\n")
    held = hold_trials(app, 3)
    paused = on_machine(app, "paused", monkeypatch)
    wait_for(lambda: steps_of(app) == 2 * 3)
    pause(paused, app)
    held.unlink()
    other = on_machine(app, "other", monkeypatch)
    wait_for(lambda: app.kinds().count("killed") >= 2)
    os.kill(paused.pid, signal.SIGCONT)
    outputs = [process.communicate(timeout=PATIENCE_S)[0] for process in (paused, other)]
    assert [paused.returncode, other.returncode] == [0, 0], outputs
    assert app.kinds().count("complete") == 6
    assert "another worker has reaped trial" in outputs[0]
    retried = [
        trial.user_attrs["retry_of"] for trial in app.trials() if "retry_of" in trial.user_attrs
    ]
    assert sorted(retried) == sorted(set(retried)), "once each"


def pause(process: "subprocess.Popen[str]", app: Toy) -> None:
    """Stop a worker at a moment at which it holds no lock that others need."""
    locks = [
        app.sweep / "study.journal.flock",
        *(app.sweep / ".study" / name for name in ("ask.lock", "record.lock")),
    ]
    while True:
        os.kill(process.pid, signal.SIGSTOP)
        wait_for(
            lambda: (
                Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
            )
        )
        if not any(is_open(lock, process) for lock in locks):
            return
        os.kill(process.pid, signal.SIGCONT)
        time.sleep(0.01)


@contextlib.contextmanager
def full_disk(process: "subprocess.Popen[str]") -> Iterator[None]:
    """Let a process write no file beyond its first bytes, as on a full disk."""
    before = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (20, before[1]))
    try:
        yield
    finally:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_waited_for_while_trials_train_on(toy: MakeToy) -> None:
    app = make(toy, 4, steps=60)
    held = hold_trials(app, 5)
    process = app.start("hydra/sweeper/sampler=random")
    wait_for(lambda: steps_of(app) == 2 * 5)
    with full_disk(process):
        held.unlink()
        wait_for(lambda: steps_of(app) > 10 + 40)
        journal = (app.sweep / "study.journal").read_bytes()
        wait_for(lambda: steps_of(app) > 10 + 60)
        assert (app.sweep / "study.journal").read_bytes() == journal, "nothing could be written"
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, output
    assert app.kinds() == ["complete"] * 4
    assert all(sorted(trial.intermediate_values) == list(range(1, 61)) for trial in app.trials()), (
        "all reports are there"
    )
    assert "does not answer, retrying for 600 s" in output
    assert "answers again" in output
    assert output.count("the heartbeat could not be written") == 1, output
    assert all(json.loads(line) for line in (app.sweep / "study.journal").read_text().splitlines())
    assert not list(app.sweep.glob(".study/workers/.*")), "no half-written file is left"


def test_a_database_that_is_down_is_waited_for_while_trials_train_on(
    toy: MakeToy, database: Server
) -> None:
    app = make(toy, 4, steps=60, more=f"storage: {database.url}\n")
    first, second = hold_trials(app, 5), hold_trials(app, 15)
    process = app.start("hydra/sweeper/sampler=random")
    wait_for(lambda: steps_of(app) == 2 * 5)
    database.stop()
    first.unlink()
    database.start()
    wait_for(lambda: steps_of(app) == 2 * 15)
    database.stop()
    second.unlink()
    wait_for(lambda: steps_of(app) > 30 + 40)
    database.start()
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, output
    trials = trials_in(database.url)
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    assert len(complete) == 4, output
    assert all(
        trial.user_attrs.get("retried") for trial in trials if trial.state != TrialState.COMPLETE
    )
    assert all(sorted(trial.intermediate_values) == list(range(1, 61)) for trial in complete)
    assert "answers again" in output


def test_a_start_waits_for_a_database_that_is_just_coming_back(
    toy: MakeToy, database: Server
) -> None:
    app = make(toy, 2, steps=2, more=f"storage: {database.url}\n")
    database.stop()
    impatient = app.start("hydra/sweeper/sampler=random")
    said_by(impatient, "does not answer")
    os.killpg(impatient.pid, signal.SIGINT)
    output, _ = impatient.communicate(timeout=PATIENCE_S)
    assert impatient.returncode == 130, output
    assert "Traceback" not in output
    process = app.start("hydra/sweeper/sampler=random")
    said = said_by(process, "does not answer")
    limit = "hydra.sweeper.storage_timeout=600, but at most 60 s at a start"
    assert f"retrying for 60 s ({limit}): " in said, "what is waited, and why it is not the option"
    database.start()
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, output
    assert [trial.state for trial in trials_in(database.url)] == [TrialState.COMPLETE] * 2
    database.stop()
    output = app.run("hydra/sweeper/sampler=random", "hydra.sweeper.storage_timeout=1", code=1)
    database.start()
    assert "must answer within 1 s (hydra.sweeper.storage_timeout), but it did not" in output
    assert "Traceback" not in output


def said_by(process: "subprocess.Popen[str]", text: str) -> str:
    """Wait for a line that a process prints and return it."""
    assert process.stdout is not None
    return next(line for line in process.stdout if text in line)


def test_a_database_that_stays_down_ends_the_worker_and_the_same_command_continues(
    toy: MakeToy, database: Server
) -> None:
    app = make(toy, 4, steps=40, more=f"storage: {database.url}\nstorage_timeout: 2\n")
    held = hold_trials(app, 5)
    process = app.start("hydra/sweeper/sampler=random")
    wait_for(lambda: steps_of(app) == 2 * 5)
    database.stop()
    held.unlink()
    output, _ = process.communicate(timeout=PATIENCE_S)
    database.start()
    assert process.returncode == 1, output
    assert "must answer within 2 s (hydra.sweeper.storage_timeout), but it did not" in output
    assert "the same command" in output
    assert "Traceback" not in output
    assert any(trial.state == TrialState.RUNNING for trial in trials_in(database.url))
    app.run("hydra/sweeper/sampler=random")
    trials = trials_in(database.url)
    complete = sum(trial.state == TrialState.COMPLETE for trial in trials)
    assert complete == 4, [trial.user_attrs for trial in trials]
    assert not any(trial.state == TrialState.RUNNING for trial in trials)
    assert any(
        "checkpoint" in trial.user_attrs for trial in trials if "retry_of" in trial.user_attrs
    )


class LosesAnswers(InMemoryStorage):
    """A storage of which each answer to a change of a trial is lost once, after it took effect."""

    def __init__(self) -> None:
        super().__init__()
        self.lose = False

    def _answer(self, answer: Any) -> Any:
        if self.lose:
            self.lose = False
            raise ConnectionResetError("connection lost")
        return answer

    def create_new_trial(self, *args: Any, **kwargs: Any) -> int:
        return int(self._answer(super().create_new_trial(*args, **kwargs)))

    def set_trial_state_values(self, *args: Any, **kwargs: Any) -> bool:
        return bool(self._answer(super().set_trial_state_values(*args, **kwargs)))


def test_a_call_whose_answer_was_lost_takes_effect_once() -> None:
    lossy = LosesAnswers()
    study = optuna.create_study(storage=PatientStorage(lossy, Patience(60)))

    def losing(call: Callable[[], Any]) -> Any:
        lossy.lose = True
        answer = call()
        assert not lossy.lose, "it was lost"
        return answer

    losing(lambda: study.enqueue_trial({"x": 0.5}, user_attrs={"retry_of": 3}))
    assert len(study.trials) == 1
    trial = losing(study.ask)
    assert trial.number == 0
    assert trial.suggest_float("x", 0, 1) == 0.5
    losing(lambda: study.tell(trial, 1.0))
    assert [(one.state, one.value) for one in study.trials] == [(TrialState.COMPLETE, 1.0)]


def test_a_state_set_by_another_worker_is_not_mistaken_for_ones_own() -> None:
    lossy = LosesAnswers()
    study = optuna.create_study(storage=PatientStorage(lossy, Patience(60)))
    trial = study.ask()

    def told_by_another(*args: Any, **kwargs: Any) -> bool:
        InMemoryStorage.set_trial_state_values(lossy, 0, TrialState.FAIL)
        del lossy.set_trial_state_values
        raise ConnectionResetError

    lossy.set_trial_state_values = told_by_another  # type: ignore[method-assign]
    with pytest.raises(optuna.exceptions.UpdateFinishedTrialError):
        study.tell(trial, 1.0)


def test_patience_ends() -> None:
    patience, waited = Patience(0.3), []
    patience.meanwhile = waited.append

    def fail() -> None:
        raise OSError("no space left")

    with pytest.raises(
        GaveUpWaitingError,
        match=r"within 0.3 s \(hydra.sweeper.storage_timeout\), but it did not: no",
    ):
        patience.call(fail)
    assert waited, "other work went on"
    with pytest.raises(GaveUpWaitingError):
        patience.call(fail)
    with pytest.raises(OSError, match="no space left"):
        Patience(0).call(fail)
    with pytest.raises(ZeroDivisionError):
        Patience(60).call(lambda: 1 // 0)


def test_an_interrupt_that_got_lost_as_an_exception_is_noticed_later() -> None:
    with Interrupts(most=0):
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with Interrupts() as later:
            assert (later.count, later.signal) == (1, signal.SIGINT)


def test_a_storage_that_never_answers_is_left_when_time_is_up() -> None:
    patience = Patience(60)
    with pytest.raises(GaveUpWaitingError), time_limit(0.1):
        patience.call(lambda: time.sleep(600))
    with pytest.raises(Overdue), time_limit(0.1):
        time.sleep(600)


def test_a_study_has_one_folder(toy: MakeToy) -> None:
    app = make(toy, 4, steps=40)
    storage = f"hydra.sweeper.storage={app.sweep}/study.journal"
    process = app.start(storage)
    wait_for(lambda: steps_of(app) > 4)
    output = app.refuse(storage, "hydra.sweep.dir=elsewhere")
    assert f"but study 'app' has {app.sweep}, and this start has {app.folder}/elsewhere" in output
    assert f"start it with hydra.sweep.dir={app.sweep}" in output
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, output
    assert app.kinds() == ["complete"] * 4, "nothing was reaped"
    app.run(storage, f"hydra.sweep.dir={app.sweep}", "hydra.sweeper.n_trials=5")


def test_a_moved_folder_goes_on_and_a_lost_one_is_left_only_if_that_is_accepted(
    toy: MakeToy, tmp_path: Path
) -> None:
    app = make(toy, 2, steps=1)
    storage = f"hydra.sweeper.storage={tmp_path}/elsewhere.journal"
    app.run(storage)
    app.sweep.rename(app.folder / "moved")
    app.run(storage, "hydra.sweep.dir=moved", "hydra.sweeper.n_trials=3")
    assert (app.folder / "moved" / "2").is_dir()
    (app.folder / "moved").rename(tmp_path / "lost")
    output = app.refuse(storage, "hydra.sweeper.n_trials=4")
    assert "where that folder is gone for good: hydra.sweeper.changed_folder=accept" in output
    app.run(storage, "hydra.sweeper.n_trials=4", "hydra.sweeper.changed_folder=accept")
    assert [path.name for path in app.sweep.glob("[0-9]*")] == ["3"]


def test_a_study_does_not_begin_in_a_folder_with_trials_of_another(toy: MakeToy) -> None:
    app = make(toy, 2, steps=1)
    app.run()
    (app.sweep / "study.journal").unlink()
    output = app.refuse()
    assert (
        f"a study must begin in a folder without trials, but {app.sweep} has those of another one"
        " (0, 1)" in output
    )
    assert "choose another hydra.sweeper.study_name" in output


def test_an_outcome_of_another_start_is_not_taken_for_a_result(toy: MakeToy) -> None:
    app = make(toy, 1, steps=1)
    app.run()
    path = app.sweep / "0" / "outcome.json"
    said = json.loads(path.read_text())
    study = app.study()
    assert (said["study"], said["study_id"]) == ("app", study.user_attrs["id"])
    assert said["session"] == app.trials()[0].user_attrs["session"]
    facts = {"worker": "dead", "session": said["session"]}
    for number, change in enumerate(
        [{}, {"session": "before"}, {"study_id": "0"}, {"study": "other"}], start=1
    ):
        study.add_trial(create_trial(state=TrialState.RUNNING, user_attrs=facts))
        (app.sweep / str(number)).mkdir()
        (app.sweep / str(number) / "outcome.json").write_text(json.dumps(said | change))
    app.run("hydra.sweeper.n_trials=5")
    assert app.kinds()[:5] == ["complete", "complete", "killed", "killed", "killed"]


def is_open(path: Path, process: "subprocess.Popen[str]") -> bool:
    """Return whether a process has a file open."""
    with contextlib.suppress(OSError):
        return any(link.readlink() == path for link in Path(f"/proc/{process.pid}/fd").iterdir())
    return False


@pytest.mark.parametrize("phase", ["before the loop", "while it runs", "while trials run"])
def test_ctrl_c_works_while_a_lock_is_waited_for(toy: MakeToy, phase: str) -> None:
    steps = 400 if phase == "while trials run" else 2
    app = make(toy, 200, steps=steps)
    asks, writes = app.sweep / ".study" / "ask.lock", app.sweep / "study.journal.flock"
    lock = writes if phase == "while trials run" else asks
    asks.parent.mkdir(parents=True)
    if phase == "before the loop":
        held = hold(lock)
        process = app.start()
        wait_for(lambda: is_open(lock, process))
    else:
        process = app.start()
        wait_for(lambda: steps_of(app) > 8)
        held = hold(lock)
        before = steps_of(app)
        if phase == "while trials run":
            wait_for(lambda: steps_of(app) > before + 20)
        else:
            time.sleep(1)  # so that its trials end, and it waits
    process.send_signal(signal.SIGINT)
    try:
        # one that is deaf does not end while it waits
        output, _ = process.communicate(timeout=PATIENCE_S)
    finally:
        os.close(held)
    assert process.returncode == 130, output
    assert "Traceback" not in output
    assert "the same command continues" in output


def hold(lock: Path) -> int:
    """Take a lock as another process does."""
    held = os.open(lock, os.O_CREAT | os.O_RDWR)
    fcntl.flock(held, fcntl.LOCK_EX)
    return held


@pytest.mark.parametrize("after", ["the template", "the storage"])
def test_ctrl_c_before_the_first_trial_gives_no_traceback(toy: MakeToy, after: str) -> None:
    app = make(toy, 4)
    (app.folder / "slow.py").write_text("import time\nopen('imported', 'w')\ntime.sleep(600)\n")
    process = app.start(
        "hydra.sweeper.preload=[slow]" if after == "the template" else "hydra.sweeper.n_trials=400"
    )
    mark = app.folder / "imported" if after == "the template" else app.sweep / "study.journal"
    wait_for(mark.exists)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, output
    assert "Traceback" not in output


SLOW_SAMPLER = """
import time
from pathlib import Path
from optuna.samplers import RandomSampler

class Slow(RandomSampler):
    def infer_relative_search_space(self, study, trial):
        if trial.number == 1:
            Path("computing").touch()
            end = time.monotonic() + 600
            while time.monotonic() < end:
                sum(range(1000))
        return {}
"""


def test_ctrl_c_works_while_the_sampler_computes(toy: MakeToy) -> None:
    app = toy(
        "while not Path('go').exists(): time.sleep(0.05)\nreturn cfg.x",
        sweeper="n_trials: 3\nslots: 2\nparams: {x: 'interval(0,1)'}\ngrace: 600",
    )
    (app.folder / "slow.py").write_text(SLOW_SAMPLER)
    process = app.start("hydra.sweeper.sampler._target_=slow.Slow", "hydra/sweeper/sampler=random")
    wait_for((app.folder / "computing").exists)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, output
    assert "Traceback" not in output
    assert "interrupted: the running trials close" in output
    assert app.kinds() == ["killed", "killed", "waiting", "waiting"]
    (app.folder / "go").touch()
    app.run("hydra/sweeper/sampler=random")
    assert app.kinds() == ["killed", "killed", "complete", "complete", "complete"]


def test_ctrl_c_works_while_the_storage_is_down(toy: MakeToy, database: Server) -> None:
    app = make(toy, 40, steps=40, more=f"storage: {database.url}\n")
    held = hold_trials(app, 5)
    process = app.start()
    wait_for(lambda: steps_of(app) == 2 * 5)
    database.stop()
    held.unlink()
    wait_for(lambda: steps_of(app) > 10 + 10)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=PATIENCE_S)
    database.start()
    assert process.returncode == 130, output
    assert "Traceback" not in output
    app.run("hydra.sweeper.n_trials=3")
    assert not any(trial.state == TrialState.RUNNING for trial in trials_in(database.url))
