"""A sweep as a job array of Slurm, whose jobs are preempted, with the commands of Slurm played on this machine."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from .conftest import MakeToy, wait_for
from .fake_slurm import install
from .needed import needs

CONF = Path(__file__).parents[2] / "conf" / "hydra" / "launcher"
BODY = """
    seen = (os.getppid(), os.environ.get("SLURM_NTASKS"), os.environ["SLURM_JOB_ID"])
    (Path(trial.current().folder) / "seen").write_text(" ".join(map(str, seen)))
    time.sleep(0.2)
    return cfg.x
"""


def test_a_preempted_job_is_queued_again_and_no_trial_is_lost(
    toy: MakeToy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs("hydra_plugins.hydra_submitit_launcher")
    for name, value in install(tmp_path / "slurm").items():
        monkeypatch.setenv(name, value)
    app = toy(BODY, sweeper="n_trials: 40\nslots: 1\nworkers: 2\nparams: {x: 'interval(0,1)'}")
    shutil.copytree(CONF, app.folder / "conf" / "hydra" / "launcher")
    process = app.start("hydra/launcher=slurm", "hydra/sweeper/sampler=random", "hydra.launcher.partition=gpu")
    wait_for(lambda: len(list(app.sweep.glob("[0-9]*/seen"))) >= 6, timeout=90)
    seen = max(app.sweep.glob("[0-9]*/seen"), key=lambda path: int(path.parent.name)).read_text().split()
    status = Path(f"/proc/{seen[0]}/status").read_text().splitlines()
    os.kill(int(next(line.split()[1] for line in status if line.startswith("PPid"))), signal.SIGUSR2)
    output, _ = process.communicate(timeout=200)
    assert process.returncode == 0, output
    assert (tmp_path / "slurm" / "requeued").read_text().split() == [f"77_{int(seen[2]) - 77}"]
    kinds = app.kinds()
    assert kinds.count("complete") == 40, output
    assert set(kinds) <= {"complete", "killed"}
    seen_by = [path.read_text().split() for path in app.sweep.glob("[0-9]*/seen")]
    assert {line[2] for line in seen_by} == {"77", "78"}
    assert {line[1] for line in seen_by} == {"None"}, "a trial is no task of the job: it starts its own processes"
    assert len({trial.user_attrs["worker"] for trial in app.trials()}) == 3
    script = (tmp_path / "slurm" / "job.sh").read_text()
    assert "--array=0-1" in script
    assert "--partition=gpu" in script
    assert "--signal=USR2@120" in script
