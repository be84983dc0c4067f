"""A sweep as a job array of Slurm: a node is lost, jobs are preempted, the head is stopped, and
nothing stays in the queue.
"""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.slurm_cluster import Cluster, slurm

from .conftest import PATIENCE_S, MakeToy, Toy, wait_for
from .needed import needs

__all__ = ["slurm"]

pytestmark = pytest.mark.long


CONF = Path(__file__).parents[2] / "conf" / "hydra" / "launcher"
LAUNCHER = [
    "hydra/launcher=slurm",
    "hydra.launcher.partition=gpu",
    "hydra.launcher.cpus_per_task=2",
    "hydra/sweeper/sampler=random",
]
BODY = """
    if cfg.deaf:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    folder, said = Path(trial.current().folder), os.environ
    start = int(Path(trial.current().checkpoint).read_text()) if trial.current().checkpoint else 0
    (folder / "seen").write_text(f"{said['SLURM_ARRAY_TASK_ID']} {said['SLURMD_NODENAME']} {said.get('SLURM_NTASKS')}")
    (folder / "checkpoints").mkdir(exist_ok=True)
    while int(folder.name) >= cfg.held_from and Path("hold").exists():
        time.sleep(0.05)
    for step in range(start, 4):
        time.sleep(cfg.pause)
        (folder / "checkpoints" / "next").write_text(str(step + 1))
        (folder / "checkpoints" / "next").rename(folder / "checkpoints" / "last.ckpt")
    (folder / "done").write_text(f"{start}")
    return cfg.x
"""  # noqa: E501


def make(toy: MakeToy, trials: int, workers: int) -> Toy:
    """Return an application with the launcher's config, whose sweep has so many trials and jobs."""
    needs("submitit")
    options = f"n_trials: {trials}\nworkers: {workers}\nparams: {{x: 'interval(0,1)'}}"
    app = toy(BODY, "x: 0.0\npause: 0.1\ndeaf: false\nheld_from: 6", options)
    shutil.copytree(CONF, app.folder / "conf" / "hydra" / "launcher")
    return app


def seen(app: Toy) -> dict[int, list[str]]:
    """Return where the trials have begun so far: the number of the job in the array, its node, its
    tasks.
    """
    lines = {
        int(path.parent.name): path.read_text().split() for path in app.sweep.glob("[0-9]*/seen")
    }
    return {number: line for number, line in lines.items() if line}


def hold(app: Toy) -> None:
    """Let all trials but the first six wait."""
    (app.folder / "hold").touch()


def finish(app: Toy, process: "subprocess.Popen[str]", slurm: Cluster) -> None:
    """Let all trials go on to the end of a sweep of 20, and check that none is lost, none ran twice
    and no job is left.
    """
    (app.folder / "hold").unlink()
    try:
        output, _ = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        left = slurm.jobs()
        process.kill()
        raise AssertionError(
            f"still running, with {left} in the queue:\n{process.communicate()[0]}"
        ) from None
    assert process.returncode == 0, output
    kinds = app.kinds()
    assert kinds.count("complete") == len(list(app.sweep.glob("[0-9]*/done"))) == 20, output
    assert set(kinds) <= {"complete", "killed"}
    assert all(
        trial.value == trial.params["x"]
        for trial in app.trials()
        if trial.user_attrs["kind"] == "complete"
    )
    assert {tasks for _, _, tasks in seen(app).values()} == {"None"}, (
        "a trial is no task of the job: it starts its own processes"
    )
    wait_for(lambda: not slurm.jobs())


def test_a_lost_node_does_not_lose_a_trial(toy: MakeToy, slurm: Cluster) -> None:
    app = make(toy, trials=20, workers=4)
    hold(app)
    process = app.start(*LAUNCHER)
    wait_for(lambda: len(seen(app)) >= 12 and len({node for _, node, _ in seen(app).values()}) == 3)
    assert sorted(slurm.jobs().values()) == [
        "PENDING",
        "RUNNING",
        "RUNNING",
        "RUNNING",
    ], "a worker takes all of a node"
    node = next(node for job, node, _ in seen(app).values() if job == "0")
    slurm.lose(node)
    try:
        # it never comes back
        slurm.run("scontrol", "hold", next(job for job in slurm.jobs() if job.endswith("_0")))
        finish(app, process, slurm)
    finally:
        slurm.restore(node)
    assert {trial.user_attrs["slot"] for trial in app.trials()} == {
        0,
        1,
    }, "a slot for each core of a job"


def test_preempted_and_requeued_jobs_do_not_lose_a_trial(toy: MakeToy, slurm: Cluster) -> None:
    app = make(toy, trials=20, workers=2)
    hold(app)
    process = app.start(*LAUNCHER)
    wait_for(lambda: len(seen(app)) >= 10)
    first, second = sorted(slurm.jobs())
    slurm.run("scancel", "--signal=USR2", first)  # as Slurm does ahead of the end of a job's time
    wait_for(lambda: "Restarts=1" in slurm.run("scontrol", "show", "job", first))
    slurm.run("scontrol", "requeue", second)
    wait_for(lambda: len(seen(app)) >= 14)  # or one of them does all before the other is back
    finish(app, process, slurm)
    assert "killed" in app.kinds()
    for job in (first, second):
        assert "Restarts=1" in slurm.run("scontrol", "show", "job", job)
    assert len({trial.user_attrs["worker"] for trial in app.trials()}) == 4


@pytest.mark.parametrize("deaf", [False, True], ids=["", "deaf"])
def test_no_job_outlives_an_interrupted_head(toy: MakeToy, slurm: Cluster, deaf: bool) -> None:
    app = make(toy, trials=1000, workers=5)
    process = app.start(*LAUNCHER, f"deaf={deaf}", f"pause={60 if deaf else 0.1}")
    wait_for(lambda: len(seen(app)) >= 6)
    assert sorted(slurm.jobs().values()) == 2 * ["PENDING"] + 3 * ["RUNNING"]
    os.kill(process.pid, signal.SIGINT)
    if deaf:
        wait_for(lambda: sorted(slurm.jobs().values()) == 3 * ["RUNNING"])
        os.kill(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, output
    assert "the same command continues from here" in output
    wait_for(lambda: not slurm.jobs() and not slurm.processes())
    assert deaf or "running" not in app.kinds()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (
            "partition=nowhere",
            (
                "refused the jobs of the workers; mend hydra.launcher: sbatch: error: invalid"
                " partition specified"
            ),
        ),
        (
            "setup=[exit 3]",
            "Slurm's jobs failed before a worker started; output of the first one: /",
        ),
    ],
)
def test_jobs_that_cannot_run_give_one_message(
    toy: MakeToy, slurm: Cluster, option: str, message: str
) -> None:
    output = make(toy, trials=2, workers=2).run(*LAUNCHER, f"hydra.launcher.{option}", code=1)
    assert output.count(message) == 1
    assert "Traceback" not in output


def test_the_launcher_serves_hydras_own_sweeper_too(toy: MakeToy, slurm: Cluster) -> None:
    needs("submitit")
    app = toy("Path('x').write_text(str(cfg.x))")
    (app.folder / "conf" / "config.yaml").write_text("x: 0.0\n")
    shutil.copytree(CONF, app.folder / "conf" / "hydra" / "launcher")
    launcher = [*LAUNCHER[:3], "hydra.launcher.name=toy"]
    app.run("x=0.25,0.5", *launcher, "hydra.sweep.dir=jobs", "hydra.job.chdir=true")
    assert [(app.folder / "jobs" / number / "x").read_text() for number in "01"] == ["0.25", "0.5"]
    wait_for(lambda: not slurm.jobs())
