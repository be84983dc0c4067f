"""One training in two processes, started in each way there is: one folder, one record, one end."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from lightning.fabric.plugins.environments import SLURMEnvironment
from tests.conftest import NO_PICTURES, ROOT, Train
from tests.ports import free_ports

from convsweep.distributed import ranks
from convsweep.errors import UserError
from convsweep.patches.patch import VARIABLE

pytestmark = pytest.mark.long

TWO = [
    "trainer=ddp_cpu",
    "model.net.width=4",
    "trainer.max_epochs=2",
    "trainer.sync_batchnorm=true",
    "data.min_steps_per_epoch=1",  # more steps let rounding move a sample past a threshold
    "test=false",
    *NO_PICTURES,
]
# Seconds after which something is taken to hang, on a busy machine too.
PATIENCE_S = 600.0
NOTE = "+callbacks.note._target_=rank_callbacks.Note"


def start(folder: Path, *command: str, **variables: str) -> subprocess.Popen[str]:
    """Start a command in a folder, with W&B offline."""
    own = {
        "WANDB_MODE": "offline",
        "PYTHONPATH": str(ROOT / "tests" / "distributed"),
        "OMP_NUM_THREADS": "1",
    }
    folder.mkdir(exist_ok=True)
    return subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **own, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run_folder(folder: Path) -> Path:
    """Return the only run folder, after checking that both processes used it and that it is one W&B
    run.
    """
    (found,) = {path.parent.parent for path in folder.glob("outputs/**/.hydra/config.yaml")}
    assert [path.name for path in sorted(found.glob("noted_*"))] == ["noted_0.json", "noted_1.json"]
    assert len({path.read_text() for path in found.glob("noted_*")}) == 1
    assert len(list(found.glob("wandb/offline-run-*"))) == 1
    assert (
        len(list(folder.glob("outputs/**/*.ckpt")))
        == len(list(found.glob("checkpoints/*.ckpt")))
        == 2
    )
    assert (found / "train_ddp_process_1.log").is_file()
    return found


def scores(folder: Path) -> dict[str, float]:
    """Return the metrics of the last epoch."""
    *_, last = csv.DictReader((folder / "metrics.csv").read_text().splitlines())
    return {
        name: float(value) for name, value in last.items() if name.startswith(("train/", "val/"))
    }


def test_two_processes_are_one_run_with_the_scores_of_one(train: Train, tmp_path: Path) -> None:
    """Started by Lightning, and on two nodes by torchrun."""
    (port,) = free_ports(1)
    meeting = ["--rdzv-backend=c10d", f"--rdzv-endpoint=127.0.0.1:{port}", "--rdzv-id=two"]
    torchrun = ["-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1", *meeting]
    command = ["-m", "convsweep", "train", *TWO, NOTE]
    nodes = [*torchrun, *command, "trainer.devices=1", "trainer.num_nodes=2"]
    # one of them without patches, which the other trainings of this folder have
    ways = {
        "plain": [start(tmp_path / "plain", sys.executable, *command, **{VARIABLE: "none"})],
        "torchrun": [start(tmp_path / "torchrun", sys.executable, *nodes) for _ in range(2)],
    }
    alone = train("logger=none", *TWO, "trainer=cpu", "data.batch_size=128", quick=False)
    for way, processes in ways.items():
        outputs = [process.communicate(timeout=PATIENCE_S)[0] for process in processes]
        assert not any(process.returncode for process in processes), outputs
        folder = run_folder(tmp_path / way)
        result = json.loads((folder / "result.json").read_text())
        assert result["outcome"] == "complete"
        assert scores(folder) == pytest.approx(scores(alone), rel=1e-3)
        left_out = (
            f"is not applied: {VARIABLE}=none; instead: " in (folder / "train.log").read_text()
        )
        assert left_out == (result["patches"] == []) == (way == "plain")


@pytest.fixture
def torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables of the second of two processes of torchrun."""
    own = {
        "TORCHELASTIC_RUN_ID": "none",
        "RANK": "1",
        "LOCAL_RANK": "1",
        "WORLD_SIZE": "2",
        ranks.STARTED: "now",
    }
    for name, value in own.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("torchrun")
def test_a_later_process_leaves_the_config_to_the_first() -> None:
    assert not ranks.is_first()
    assert ranks.join(["a=1"]) == [
        "a=1",
        "hydra.job.name=train_ddp_process_1",
        "hydra.output_subdir=null",
    ]


@pytest.mark.usefixtures("torchrun")
def test_processes_that_are_started_again_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    assert "ckpt_path=last" in ranks.join(["a=1"])
    assert "ckpt_path=last" not in ranks.join(["ckpt_path=other.ckpt"])


@pytest.mark.usefixtures("torchrun")
def test_a_sweep_is_started_once() -> None:
    with pytest.raises(
        UserError, match=r"but 2 of it were started; start it once, and say trainer.devices"
    ):
        ranks.join(["-m", "sweeps=depth_kernel"])


@pytest.mark.parametrize(
    ("variables", "first"), [({}, True), ({"NODE_RANK": "1"}, False), ({"LOCAL_RANK": "1"}, False)]
)
def test_the_first_process_of_the_first_machine_writes_the_record(
    variables: dict[str, str], first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*ranks.RANK_VARIABLES, "NODE_RANK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert ranks.is_first() is first


SRUN = {
    "SLURM_JOB_ID": "7",
    "SLURM_JOB_NAME": "train",
    "SLURM_STEP_ID": "0",
    "SLURM_NTASKS": "4",
    "SLURM_PROCID": "0",
}


@pytest.fixture
def under_srun(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The variables of the first of four processes of srun."""
    for name in (
        *ranks.RANK_VARIABLES,
        "TORCHELASTIC_RUN_ID",
        "SLURM_NTASKS_PER_NODE",
        ranks.STARTED,
    ):
        monkeypatch.setenv(name, "")  # so that it is put back after the test
        monkeypatch.delenv(name)
    for name, value in {
        **SRUN,
        "SLURM_STEP_TASKS_PER_NODE": "2(x2)",
        "SLURM_STEP_NUM_NODES": "2",
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_srun_says_how_many_processes_there_are(under_srun: pytest.MonkeyPatch) -> None:
    under_srun.setenv("SLURM_RESTART_COUNT", "1")
    assert ranks.join(["a=1"]) == [
        "a=1",
        "trainer.devices=2",
        "trainer.num_nodes=2",
        "ckpt_path=last",
    ]
    assert (os.environ[ranks.STARTED], os.environ["SLURM_NTASKS_PER_NODE"]) == ("slurm/7_0", "2")
    with pytest.raises(
        UserError, match=r"trainer.devices must be 2, as srun .* but is 4; leave it out"
    ):
        ranks.join(["trainer.devices=4"])
    under_srun.setenv("SLURM_STEP_TASKS_PER_NODE", "3,1")
    with pytest.raises(UserError, match="srun started 3,1; say --ntasks-per-node"):
        ranks.join([])


@pytest.mark.parametrize(
    ("name", "value"),
    [("SLURM_NTASKS", "1"), ("SLURM_STEP_ID", None)],
    ids=["alone", "without srun"],
)
def test_one_process_of_slurm_starts_the_others_itself(
    under_srun: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str | None
) -> None:
    under_srun.setenv(name, value) if value else under_srun.delenv(name)
    assert ranks.join(["trainer=ddp"]) == ["trainer=ddp"]
    assert not SLURMEnvironment.detect()
    ranks.join([])
    assert capsys.readouterr().err.count("SLURM_JOB_NAME=interactive is set, since ") == 1
