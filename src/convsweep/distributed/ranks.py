"""Rank of this process and agreement between processes, before torch is loaded."""

import ctypes
import os
import signal
import sys
import time

from convsweep.errors import UserError

# Variables by which launchers state the rank; the first that is set counts, as in Lightning.
RANK_VARIABLES = ("RANK", "LOCAL_RANK", "SLURM_PROCID", "JSM_NAMESPACE_RANK")

# Names the common run folder of processes that torchrun or srun started.
STARTED = "CONVSWEEP_STARTED"

# From Linux's sys/prctl.h.
_PR_SET_PDEATHSIG = 1


def rank() -> int:
    """Return the rank of this process; the local rank if Lightning started it."""
    return int(next((os.environ[name] for name in RANK_VARIABLES if name in os.environ), "0"))


def is_first() -> bool:
    """Return whether this process is rank 0, or the only one, which writes the run folder."""
    return rank() == 0 and ("RANK" in os.environ or os.environ.get("NODE_RANK", "0") == "0")


def is_one_of_many() -> bool:
    """Return whether torchrun or srun started this process together with others, whose exit it
    cannot observe.
    """
    return (
        STARTED in os.environ
        and os.environ.get("WORLD_SIZE", os.environ.get("SLURM_NTASKS")) != "1"
    )


def is_child() -> bool:
    """Return whether Lightning started this process, whose exit rank 0 then observes."""
    return "RANK" not in os.environ and os.environ.get("LOCAL_RANK", "0") != "0"


def join(arguments: list[str]) -> list[str]:
    """Return a command's arguments, adapted for this process if it is one of several.

    Processes of torchrun or srun share one run folder, in which only rank 0 saves its config; after
    a restart they resume from the last checkpoint. A process that Lightning started ends with its
    parent.

    Raises:
        UserError: the command is a sweep, which must be started as a single process.
    """
    variables = os.environ
    if "TORCHELASTIC_RUN_ID" in variables:
        world_size, restarts = (
            variables["WORLD_SIZE"],
            variables.get("TORCHELASTIC_RESTART_COUNT", "0"),
        )
    elif "SLURM_STEP_ID" in variables and variables.get("SLURM_JOB_NAME") not in (
        "bash",
        "interactive",
    ):
        world_size, restarts = (
            variables.get("SLURM_NTASKS", "1"),
            variables.get("SLURM_RESTART_COUNT", "0"),
        )
    else:
        if is_child():
            end_with_parent()
        leave_slurm_job()
        return arguments
    if {"-m", "--multirun"} & set(arguments):
        if int(world_size) > 1:
            raise UserError(
                f"a sweep starts the processes of its trials itself, but {world_size} of it were"
                " started; start it once, and say trainer.devices=... for each trial"
            )
        return arguments
    if "TORCHELASTIC_RUN_ID" in variables:
        variables.setdefault(STARTED, name_of_torchrun())
    else:
        variables.setdefault(STARTED, name_of_slurm())
        arguments = sized_by_srun(arguments)
    again = (
        ["ckpt_path=last"]
        if restarts != "0" and not any(word.startswith("ckpt_path=") for word in arguments)
        else []
    )
    apart = (
        [f"hydra.job.name=train_ddp_process_{rank()}", "hydra.output_subdir=null"]
        if rank() > 0
        else []
    )
    return [*arguments, *again, *apart]


def name_of_torchrun() -> str:
    """Return the start time of rank 0, shared through torchrun's store and kept after a restart."""
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    now = time.strftime("%Y-%m-%d/%H-%M-%S")
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True":
        return (
            now
            if os.environ["WORLD_SIZE"] == "1"
            else f"torchrun/{os.environ['TORCHELASTIC_RUN_ID']}"
        )
    store = TCPStore(os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), is_master=False)
    return str(store.compare_set("convsweep/started", "", now).decode())


def name_of_slurm() -> str:
    """Return a name of the job step, the same after the job is requeued."""
    return f"slurm/{os.environ['SLURM_JOB_ID']}_{os.environ['SLURM_STEP_ID']}"


def sized_by_srun(arguments: list[str]) -> list[str]:
    """Return a command's arguments with devices and nodes set to the processes that srun started,
    such as `2(x3)`: two on each of three nodes.

    Raises:
        UserError: nodes have different numbers of processes, or the arguments contradict them.
    """
    if os.environ["SLURM_NTASKS"] == "1":
        leave_slurm_job()
        return arguments
    spread = os.environ["SLURM_STEP_TASKS_PER_NODE"]
    number, *others = {part.split("(")[0] for part in spread.split(",")}
    if others:
        raise UserError(
            f"every node must have as many processes as the others, but srun started {spread}; say"
            " --ntasks-per-node"
        )
    set_for_others(
        "SLURM_NTASKS_PER_NODE",
        number,
        "Lightning requires it, even if it was not an option of srun",
    )
    size = {"trainer.devices": number, "trainer.num_nodes": os.environ["SLURM_STEP_NUM_NODES"]}
    for word in arguments:
        key, _, value = word.partition("=")
        if value != size.get(key, value):
            raise UserError(
                f"{key} must be {size[key]}, as srun has started the processes, but is {value};"
                " leave it out"
            )
    return [*arguments, *(f"{key}={value}" for key, value in size.items())]


def leave_slurm_job() -> None:
    """Disable Lightning's detection of Slurm, if this is a Slurm job: it would wait for processes
    that srun has not started.
    """
    if "SLURM_JOB_ID" in os.environ:
        set_for_others(
            "SLURM_JOB_NAME", "interactive", "Lightning starts the processes of this run itself"
        )


def set_for_others(name: str, value: str, why: str) -> None:
    """Set an environment variable that other packages read, and log it."""
    if os.environ.get(name) != value:
        os.environ[name] = value
        if is_first():
            sys.stderr.write(f"{name}={value} is set, since {why}\n")


def end_with_parent() -> None:
    """Have the kernel terminate this process when its parent ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
