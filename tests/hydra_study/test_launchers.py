"""The same sweep by each of Hydra's launchers, also with a lost worker."""

import os
import signal
from pathlib import Path

import optuna
import pytest
from omegaconf import OmegaConf

from hydra_study.errors import StudyError
from hydra_study.launchers import workers, workers_by

from .conftest import MakeToy, wait_for
from .needed import needs

LAUNCHERS = {
    "joblib": ("hydra_plugins.hydra_joblib_launcher", []),
    "submitit_local": ("hydra_plugins.hydra_submitit_launcher", []),
    "ray": (
        "hydra_plugins.hydra_ray_launcher",
        ["+hydra.launcher.ray.init.num_cpus=2", "hydra.launcher.ray.init.address=local"],
    ),
}


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_lost_worker_does_not_lose_a_trial(
    toy: MakeToy, launcher: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, extra = LAUNCHERS[launcher]
    needs(module)
    monkeypatch.setenv("RAY_worker_niceness", "0")
    body = (
        "(Path(trial.current().folder) / 'worker').write_text(str(os.getppid())); time.sleep(0.2);"
        " return cfg.x"
    )
    app = toy(body, sweeper="n_trials: 40\nslots: 1\nworkers: 2\nparams: {x: 'interval(0,1)'}")
    process = app.start(f"hydra/launcher={launcher}", *extra, "hydra/sweeper/sampler=random")
    wait_for(lambda: len(list(app.sweep.glob("[0-9]*/worker"))) >= 3, timeout=90)
    template = int(
        max(app.sweep.glob("[0-9]*/worker"), key=lambda path: int(path.parent.name)).read_text()
    )
    status = Path(f"/proc/{template}/status").read_text().splitlines()
    os.kill(
        int(next(line.split()[1] for line in status if line.startswith("PPid"))), signal.SIGKILL
    )
    output, _ = process.communicate(timeout=180)
    assert process.returncode == 0, output
    kinds = app.kinds()
    assert kinds.count("complete") == 40, output
    assert set(kinds) <= {"complete", "killed"}
    # the lost worker may have only asked for its last one
    begun = [trial for trial in app.trials() if "worker" in trial.user_attrs]
    assert len({trial.user_attrs["worker"] for trial in begun}) >= 2
    assert all(
        trial.value == trial.params["x"]
        for trial in app.trials()
        if trial.user_attrs["kind"] == "complete"
    )


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
    assert "journal file" in app.run("hydra.sweeper.workers=2", code=1)
