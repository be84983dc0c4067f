"""The same sweep by each of Hydra's launchers: interrupted, started again, with a lost worker."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from omegaconf import OmegaConf
from optuna.trial import FrozenTrial

from hydra_study.errors import StudyError
from hydra_study.launchers import workers, workers_by

from .conftest import PATIENCE_S, MakeToy, Toy, processes_in, wait_for
from .needed import needs
from .test_resume import TRAINING, in_the_middle

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
# Trials of one length would all end at once, and an interrupt could meet none.
BODY = TRAINING.replace("time.sleep(0.15)", "time.sleep(0.1 + 0.05 * (link.number % 3))").replace(
    "own.parent.mkdir()\n",
    "own.parent.mkdir()\n    (own.parent / 'new').write_text(str(os.getppid()))\n"
    "    (own.parent / 'new').rename(own.parent / 'template')\n",
)


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_neither_an_interrupt_nor_a_lost_worker_loses_a_trial(
    toy: MakeToy, launcher: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, extra = LAUNCHERS[launcher]
    needs(module)
    monkeypatch.setenv("RAY_worker_niceness", "0")
    options = "n_trials: 30\nslots: 2\nworkers: 2\nparams: {x: 'interval(0,1)'}\ngrace: 20\n"
    app = toy(BODY, sweeper=options + "policy: {killed: retry 9}")
    command = (f"hydra/launcher={launcher}", *extra, "hydra/sweeper/sampler=random")
    for ask, signum in INTERRUPTS[launcher]:
        interrupt(app, app.start(*command), ask, signum)
    process = app.start(*command)
    lose_worker(app)
    output, _ = process.communicate(timeout=180)
    assert process.returncode == 0, output
    kinds = app.kinds()
    assert kinds.count("complete") == 30, output
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


def interrupt(
    app: Toy,
    process: "subprocess.Popen[str]",
    ask: Callable[[int, int], None],
    signum: signal.Signals,
) -> None:
    """Ask a sweep to end once trials have ended and others train, and check that all are closed and
    nothing is left.
    """
    kinds = app.kinds() if app.sweep.exists() else []
    ended = {number for number, kind in enumerate(kinds) if kind != "waiting"}
    wait_for(lambda: in_the_middle(app, ended))
    ask(process.pid, signum)
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 128 + signum, output
    wait_for(lambda: not processes_in(app.folder))
    kinds = app.kinds()
    assert kinds.count("complete") < 30
    assert "running" not in kinds, "all were closed, none was lost"
    reasons = [
        trial.user_attrs["reason"]
        for trial, kind in zip(app.trials(), kinds, strict=True)
        if kind == "killed" and trial.number not in ended
    ]
    assert reasons, output
    assert all("asked to close" in reason or "stopped" in reason for reason in reasons)


def lose_worker(app: Toy) -> None:
    """Kill a worker once a trial has begun that the starts before had not; a fast machine has left
    few.
    """
    before = set(app.sweep.glob("[0-9]*/checkpoints/template"))
    wait_for(lambda: len(set(app.sweep.glob("[0-9]*/checkpoints/template")) - before) >= 1)
    begun = set(app.sweep.glob("[0-9]*/checkpoints/template")) - before
    template = int(max(begun, key=lambda path: int(path.parts[-3])).read_text())
    status = Path(f"/proc/{template}/status").read_text().splitlines()
    worker = next(line.split()[1] for line in status if line.startswith("PPid"))
    os.kill(int(worker), signal.SIGKILL)


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
