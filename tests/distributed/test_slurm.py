"""One training in two processes under Slurm: on two nodes, with a process that fails, and
requeued.
"""

import json
import shlex
import sys
from pathlib import Path

import pytest
from tests.conftest import ROOT, Train
from tests.distributed.test_ranks import NOTE, PATIENCE_S, TWO, scores, start
from tests.ports import free_ports
from tests.slurm_cluster import Cluster, slurm

__all__ = ["slurm"]

pytestmark = pytest.mark.long

SCRIPT = str(ROOT / "train.py")
AGAIN = "{} || {{ scontrol requeue $SLURM_JOB_ID; sleep 60; }}"


@pytest.fixture(autouse=True)
def free_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the processes meet at a free port: Lightning's follows from the number of the job, which
    is 1 on each of these clusters.
    """
    (port,) = free_ports(1)
    monkeypatch.setenv("MASTER_PORT", str(port))


def fail(how: str) -> str:
    """Return the override by which the second process fails once, in the second epoch."""
    return f"+callbacks.fail={{_target_: rank_callbacks.Fail, rank: 1, epoch: 1, how: {how}}}"


def result(folder: Path) -> tuple[Path, dict[str, str]]:
    """Return the only run folder and its result."""
    (found,) = folder.glob("outputs/slurm/*/result.json")
    return found.parent, json.loads(found.read_text())


def test_a_job_whose_process_fails_goes_on_when_it_is_requeued(
    train: Train, slurm: Cluster, tmp_path: Path
) -> None:
    srun = [
        "srun",
        "--kill-on-bad-exit=1",
        sys.executable,
        SCRIPT,
        *TWO,
        NOTE,
        fail("raise"),
        "logger=none",
    ]
    wrap = AGAIN.format(shlex.join(srun))
    job = start(
        tmp_path / "slurm",
        "sbatch",
        "--wait",
        "--nodes=2",
        "--ntasks=2",
        "--open-mode=append",
        "--output=said",
        "--wrap",
        wrap,
    )
    alone = train("logger=none", *TWO, "trainer=cpu", "data.batch_size=128", quick=False)
    output, _ = job.communicate(timeout=PATIENCE_S)
    said = (tmp_path / "slurm" / "said").read_text()
    assert job.returncode == 0, output + said
    folder, written = result(tmp_path / "slurm")
    # srun may end process 0 before that has said what process 1 wrote into its log
    log = (folder / "train_ddp_process_1.log").read_text()
    assert "no luck" in log
    assert said.count("Error: process 1 of the training failed: no luck") <= 1
    assert "resuming from" in said
    assert written["outcome"] == "complete"
    assert scores(folder) == pytest.approx(scores(alone), rel=1e-3)
    assert sorted(path.name for path in folder.glob("*_[01].*")) == [
        "noted_0.json",
        "noted_1.json",
        "train_ddp_process_1.log",
    ]
    assert len((folder / "metrics.csv").read_text().splitlines()) == 1 + 2


def test_a_process_that_dies_ends_the_others(slurm: Cluster, tmp_path: Path) -> None:
    job = start(
        tmp_path, "srun", "--ntasks=2", sys.executable, SCRIPT, *TWO, fail("kill"), "logger=none"
    )
    output, _ = job.communicate(timeout=PATIENCE_S)
    assert job.returncode != 0
    assert "Error: another process of the training died" in output
    assert "task 1: Killed" in output
    assert result(tmp_path)[1]["outcome"] == "killed"
