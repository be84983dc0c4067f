"""The same sweep through Hydra's launchers, on databases, and the launcher suite of Hydra as far as it applies."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import optuna
import pytest

from .conftest import MakeToy, wait_for

LAUNCHERS = {
    "joblib": ("hydra_plugins.hydra_joblib_launcher", []),
    "submitit_local": ("hydra_plugins.hydra_submitit_launcher", []),
    "ray": ("hydra_plugins.hydra_ray_launcher", ["+hydra.launcher.ray.init.num_cpus=2"]),
}


def needs(module: str) -> None:
    with contextlib.suppress(ModuleNotFoundError):
        if find_spec(module) is not None:
            return
    pytest.skip(f"{module} is not installed")


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_workers_of_every_launcher_share_one_study(toy: MakeToy, launcher: str) -> None:
    module, extra = LAUNCHERS[launcher]
    needs(module)
    app = toy("time.sleep(0.5); return cfg.x", sweeper="n_trials: 12\nslots: 1\nworkers: 2\nparams: {x: 'interval(0,1)'}")
    app.run(f"hydra/launcher={launcher}", *extra, timeout=180)
    assert app.kinds() == ["complete"] * 12
    assert len({trial.user_attrs["worker"] for trial in app.trials()}) == 2
    assert sorted(int(path.name) for path in app.sweep.glob("[0-9]*")) == list(range(12))


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_lost_worker_does_not_end_the_sweep(toy: MakeToy, launcher: str) -> None:
    module, extra = LAUNCHERS[launcher]
    needs(module)
    body = "(Path(trial.current().folder) / 'worker').write_text(str(os.getppid())); time.sleep(1); return cfg.x"
    app = toy(body, sweeper="n_trials: 8\nslots: 1\nworkers: 2\nparams: {x: 'interval(0,1)'}")
    process = app.start(f"hydra/launcher={launcher}", *extra)
    wait_for(lambda: len(list(app.sweep.glob("[0-9]*/worker"))) >= 3, timeout=90)
    template = int(max(app.sweep.glob("[0-9]*/worker"), key=lambda path: int(path.parent.name)).read_text())
    status = Path(f"/proc/{template}/status").read_text().splitlines()
    worker = int(next(line.split()[1] for line in status if line.startswith("PPid")))
    os.kill(worker, signal.SIGKILL)
    output, _ = process.communicate(timeout=180)
    assert process.returncode == 0, output
    kinds = app.kinds()
    assert kinds.count("complete") == 8, output
    assert "running" not in kinds
    assert "killed" in kinds


@pytest.fixture
def postgresql() -> Iterator[str]:
    """Start a PostgreSQL server of Debian's package on loopback and return its URL."""
    needs("psycopg")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    if not found or (os.geteuid() == 0 and shutil.which("runuser") is None):
        pytest.skip("PostgreSQL is not installed")
    bin_folder = found[-1].parent
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if user:
        shutil.chown(folder, "postgres")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    data = str(folder / "data")

    def server(*command: str) -> None:
        subprocess.run([*user, *command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)

    server(str(bin_folder / "initdb"), "-D", data, "-U", "study", "-A", "trust")
    server(str(bin_folder / "pg_ctl"), "-D", data, "-o", options, "-w", "-l", str(folder / "log"), "start")
    try:
        yield f"postgresql://study@127.0.0.1:{port}/postgres"
    finally:
        server(str(bin_folder / "pg_ctl"), "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def test_a_database_serves_many_workers(toy: MakeToy, postgresql: str) -> None:
    needs("hydra_plugins.hydra_joblib_launcher")
    options = f"n_trials: 40\nslots: 2\nworkers: 3\nparams: {{x: 'interval(0,1)'}}\nstorage: {postgresql}"
    app = toy("time.sleep(0.1); return cfg.x", sweeper=options)
    app.run("hydra/launcher=joblib", "hydra/sweeper/sampler=random", timeout=180)
    app.run(timeout=60)
    url = postgresql.replace("postgresql://", "postgresql+psycopg://")
    trials = optuna.load_study(study_name="app", storage=url).trials
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 40
    assert all(trial.value == trial.params["x"] for trial in trials)


def test_sqlite_serves_one_worker(toy: MakeToy, tmp_path: Path) -> None:
    app = toy(
        "return cfg.x", sweeper=f"n_trials: 4\nslots: 2\nparams: {{x: 'interval(0,1)'}}\nstorage: sqlite:///{tmp_path}/s.db"
    )
    app.run()
    assert len(optuna.load_study(study_name="app", storage=f"sqlite:///{tmp_path}/s.db").trials) == 4
    assert "journal file" in app.run("hydra.sweeper.workers=2", code=1)
