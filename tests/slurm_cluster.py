"""A Slurm cluster of several nodes on this machine, from Debian's packages, for the tests of one
file.
"""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.ports import free_ports

# Who sends a job is taken on trust; a requeued job waits `cred_expire` seconds in place of two
# minutes, and 5 are the least.
CONF = """
ClusterName=toy
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
AuthType=auth/none
CredType=cred/none
AuthInfo=cred_expire=5
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
SlurmdParameters=config_overrides
MpiDefault=none
KillWait=5
PartitionName=gpu Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""

# Seconds after which something is taken to hang, on a busy machine too.
PATIENCE_S = 240.0
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "srun")
PATH = f"{os.environ['PATH']}{os.pathsep}/usr/sbin"


class Cluster:
    """A cluster of one partition `gpu`, whose nodes `n0`, `n1`, ... have two CPUs each.

    Args:
        folder: Where its files go.
        nodes: How many nodes.
    """

    def __init__(self, folder: Path, nodes: int) -> None:
        self.nodes = [f"n{index}" for index in range(nodes)]
        self.environment = {
            "SLURM_CONF": str(folder / "slurm.conf"),
            "MASTER_ADDR": "127.0.0.1",
            "PATH": PATH,
        }
        self._folder = folder
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        port, *ports = free_ports(1 + nodes)
        host = socket.gethostname().split(".")[0]  # as Slurm calls it
        lines = [CONF.format(host=host, port=port, folder=folder, user=getpass.getuser())]
        for name, port in zip(self.nodes, ports, strict=True):
            lines.append(
                f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=2\n"
            )
            (folder / name).mkdir()
        (folder / "state").mkdir()
        (folder / "slurm.conf").write_text("".join(lines))

    def start(self) -> None:
        """Start the controller and the nodes."""
        self._start("slurmctld", "slurmctld", "-D")
        for name in self.nodes:
            self._start(name, "slurmd", "-D", "-N", name)
        self.wait_for_nodes()

    def _start(self, name: str, *command: str) -> None:
        with (self._folder / f"{name}.out").open("ab") as output:
            self._daemons[name] = subprocess.Popen(
                command,
                env={**os.environ, **self.environment},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def wait_for_nodes(self) -> None:
        """Wait until every node can take jobs."""
        end = time.monotonic() + PATIENCE_S
        while self.run("sinfo", "--noheader", "--Node", "--format=%T", check=False).split() != [
            "idle"
        ] * len(self.nodes):
            assert time.monotonic() < end, (self._folder / "slurmctld.log").read_text()
            time.sleep(0.1)

    def run(self, *command: str, check: bool = True) -> str:
        """Run one of Slurm's commands and return what it prints."""
        environment = {**os.environ, **self.environment}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=PATIENCE_S
        )
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout

    def jobs(self) -> dict[str, str]:
        """Return the states of the jobs that wait or run."""
        lines = self.run("squeue", "--noheader", "--array", "--format=%i %T").splitlines()
        return dict(line.split(maxsplit=1) for line in lines)

    def processes(self, mark: str = "SLURM_JOB_ID=") -> list[int]:
        """Return the processes that have a variable which begins so: by default those of jobs."""
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):  # it has gone
                variables = path.read_bytes().decode(errors="replace").split("\0")
                if f"SLURM_CONF={self.environment['SLURM_CONF']}" in variables and any(
                    v.startswith(mark) for v in variables
                ):
                    found.append(int(path.parent.name))
        return found

    def lose(self, node: str) -> None:
        """Let a node die with all that runs on it, and tell the controller, which would notice in
        some minutes.
        """
        self._daemons[node].kill()
        self._daemons.pop(node).wait()
        tasks = self.processes(f"SLURMD_NODENAME={node}")
        # Slurm's own first: one that sees its task die would report a job that failed.
        kill(set(filter(is_step, map(parent, tasks))))
        kill(tasks)
        self.run("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=lost")

    def restore(self, node: str) -> None:
        """Start a lost node again."""
        self._start(node, "slurmd", "-D", "-N", node)
        self.run("scontrol", "update", f"NodeName={node}", "State=RESUME")
        self.wait_for_nodes()

    def stop(self) -> None:
        """End all jobs and daemons."""
        for daemon in self._daemons.values():
            daemon.kill()
        for daemon in self._daemons.values():
            daemon.wait()
        kill(self.processes("SLURM_CONF="))


def kill(pids: Iterable[int]) -> None:
    """Kill processes, some of which may have gone."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def parent(pid: int) -> int:
    """Return the parent of a process, 0 if the process has gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0


def is_step(pid: int) -> bool:
    """Whether a process is Slurm's own, by which a node keeps a step of a job."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == "slurmstepd"
    except OSError:
        return False


@pytest.fixture(scope="module")
def slurm() -> Iterator[Cluster]:
    """A cluster of three nodes, to which this process and those it starts belong."""
    if not all(shutil.which(name, path=PATH) for name in PROGRAMS):
        pytest.skip(
            "Slurm is not installed; on Debian: apt-get install slurmctld slurmd slurm-client"
        )
    folder = Path(tempfile.mkdtemp(prefix="slurm"))
    cluster = Cluster(folder, nodes=3)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in cluster.environment.items():
            patch.setenv(name, value)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()
    shutil.rmtree(folder, ignore_errors=True)
