"""The same sweep by each of Hydra's launchers: interrupted, started again, with a lost worker."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from omegaconf import OmegaConf
from optuna.trial import FrozenTrial

from hydra_study.errors import StudyError
from hydra_study.launchers import workers, workers_by
from tests.slurm_cluster import parent

from .conftest import PATIENCE_S, MakeToy, Toy, processes_in, wait_for
from .needed import needs
from .test_resume import HELD

pytestmark = pytest.mark.long

LAUNCHERS = {
    "joblib": ("hydra_plugins.hydra_joblib_launcher", []),
    "submitit_local": ("hydra_plugins.hydra_submitit_launcher", []),
    "ray": (
        "hydra_plugins.hydra_ray_launcher",
        [
            "+hydra.launcher.ray.init.num_cpus=2",
            "+hydra.launcher.ray.init.include_dashboard=false",
            "hydra.launcher.ray.init.address=local",
        ],
    ),
}


# Ctrl-C goes to all processes of the terminal, a signal to the head alone is for it to hand on.
INTERRUPTS: dict[str, list[tuple[Callable[[int, int], None], signal.Signals]]] = {
    "joblib": [(os.killpg, signal.SIGINT), (os.kill, signal.SIGINT)],
    "submitit_local": [(os.killpg, signal.SIGINT)],
    "ray": [(os.killpg, signal.SIGINT), (os.kill, signal.SIGTERM)],
}
# Those whose number is in a file and the later ones wait, so that a signal meets them.
BODY = HELD.replace(
    "link.number in (3, 4, 5)", "link.number >= int(Path('held_from').read_text())"
).replace("time.sleep(0.15)", "time.sleep(0.05)")


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_neither_an_interrupt_nor_a_lost_worker_loses_a_trial(
    toy: MakeToy, launcher: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, extra = LAUNCHERS[launcher]
    needs(module)
    monkeypatch.setenv("RAY_worker_niceness", "0")
    options = "n_trials: 20\nslots: 2\nworkers: 2\nparams: {x: 'interval(0,1)'}\ngrace: 20\n"
    app = toy(BODY, sweeper=options + "policy: {killed: retry 9}")
    command = (f"hydra/launcher={launcher}", *extra, "hydra/sweeper/sampler=random")
    for ask, signum in INTERRUPTS[launcher]:
        interrupt(app, command, ask, signum)
    first = hold_trials(app)
    process = app.start(*command)
    lose_worker(held_trials(app, first)[-1])
    (app.folder / "hold").unlink()
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, output
    kinds = app.kinds()
    assert kinds.count("complete") == 20, output
    assert set(kinds) == {"complete", "killed"}
    trials = app.trials()
    again = {one.user_attrs["retry_of"]: one for one in trials if "retry_of" in one.user_attrs}
    killed = [one for one, kind in zip(trials, kinds, strict=True) if kind == "killed"]
    assert sorted(again) == [one.number for one in killed], "each was tried again, and once"
    for one in killed:
        assert point(one) in ({}, point(again[one.number])), "the same point, once it was drawn"
        if (app.sweep / str(one.number) / "checkpoints" / "last.ckpt").is_file():
            assert "checkpoint" in again[one.number].user_attrs
    for one in (one for one, kind in zip(trials, kinds, strict=True) if kind == "complete"):
        assert one.value == one.params["x"]
        assert sorted(one.intermediate_values) == list(range(6))


def point(trial: FrozenTrial) -> dict[str, Any]:
    """Return a trial's parameters, those it was queued with where it died before it asked."""
    return trial.params or trial.system_attrs.get("fixed_params", {})


def hold_trials(app: Toy) -> int:
    """Let the trials of the next start wait in their third epoch, but for the first four and those
    that are tried again, and return the first that waits.
    """
    first = len(app.kinds()) if app.sweep.exists() else 4
    (app.folder / "held_from").write_text(str(first))
    (app.folder / "hold").touch()
    return first


def held_trials(app: Toy, first: int) -> list[int]:
    """Wait until each of two slots of two workers has a trial that waits, and return their
    processes.
    """
    files = [app.folder / f"{number}.pid" for number in range(first, first + 4)]
    wait_for(lambda: all(file.exists() and file.read_text() for file in files))
    return [int(file.read_text()) for file in files]


def interrupt(
    app: Toy,
    command: tuple[str, ...],
    ask: Callable[[int, int], None],
    signum: signal.Signals,
) -> None:
    """Ask a sweep to end once trials have ended and others train, and check that all are closed and
    nothing is left.
    """
    first = hold_trials(app)
    process = app.start(*command)
    held_trials(app, first)
    ask(process.pid, signum)
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 128 + signum, output
    wait_for(lambda: not processes_in(app.folder))
    kinds = app.kinds()
    assert kinds.count("complete") < 20
    assert "running" not in kinds, "all were closed, none was lost"
    reasons = [
        trial.user_attrs["reason"]
        for trial, kind in zip(app.trials(), kinds, strict=True)
        if kind == "killed" and trial.number >= first
    ]
    assert len(reasons) == 4, output
    assert all("asked to close" in reason or "stopped" in reason for reason in reasons)


def lose_worker(trial: int) -> None:
    """Kill the worker of the process of a trial: the parent of the template, its parent."""
    os.kill(parent(parent(trial)), signal.SIGKILL)


def workers_of(choice: str, target: str) -> workers.Workers:
    """Return how the launcher of a choice starts workers."""
    hydra = {"launcher": {"_target_": target}, "runtime": {"choices": {"hydra/launcher": choice}}}
    return workers_by(OmegaConf.create(hydra))


def test_a_launcher_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "find_spec", lambda name: None)
    with pytest.raises(
        StudyError, match=r"hydra_ray_launcher, .* pip install 'hydra-study-sweeper\[ray"
    ):
        workers_of("ray", "hydra_plugins.hydra_ray_launcher.ray_launcher.RayLauncher").check()
    workers_of("basic", "hydra._internal.core_plugins.basic_launcher.BasicLauncher").check()
    assert workers_of("basic", "hydra._internal.core_plugins.basic_launcher.BasicLauncher").is_local


def test_slurm_needs_sbatch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    needs("submitit")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StudyError, match="start the sweep on a machine of the cluster"):
        workers_of("slurm", "hydra_plugins.study.slurm_launcher.SlurmLauncher").check()


def test_sqlite_serves_one_worker(toy: MakeToy, tmp_path: Path) -> None:
    app = toy(
        "return cfg.x",
        sweeper=(
            "n_trials: 4\nslots: 2\nparams: {x: 'interval(0,1)'}\nstorage:"
            f" sqlite:///{tmp_path}/s.db"
        ),
    )
    app.run()
    assert (
        len(optuna.load_study(study_name="app", storage=f"sqlite:///{tmp_path}/s.db").trials) == 4
    )
    told = app.refuse("hydra.sweeper.workers=2")
    assert "journal file" in told
    assert "hydra/launcher=basic runs one worker" in told
