"""Slurm played on this machine, as far as submitit asks: sbatch starts an array, scontrol requeues a job, sacct tells states."""

import os
from pathlib import Path

SBATCH = """#!/usr/bin/env bash
# Starts every job of the array in the background.
file="${@: -1}"; cp "$file" "$FAKE_SLURM/job.sh"
last=$(sed -n 's/^#SBATCH --array=0-\\([0-9]*\\).*/\\1/p' "$file"); last=${last:-0}
for index in $(seq 0 "$last"); do "$FAKE_SLURM/start" "$index" 0; done
echo "Submitted batch job 77"
"""
START = """#!/usr/bin/env bash
# Starts one job in a session of its own.
export SLURM_JOB_ID=$((77 + $1)) SLURM_ARRAY_JOB_ID=77 SLURM_ARRAY_TASK_ID=$1 SLURM_JOB_NUM_NODES=1 SLURM_NTASKS=1 SLURM_NODEID=0
export SLURM_PROCID=0 SLURM_LOCALID=0 SLURM_JOB_NODELIST=localhost SLURM_JOB_NAME=app SLURM_RESTART_COUNT=$2
setsid bash "$FAKE_SLURM/job.sh" > "$FAKE_SLURM/out_$1_$2" 2>&1 < /dev/null &
"""
SRUN = """#!/usr/bin/env bash
# Runs the command behind the options, in the one task there is.
while [[ "$1" == -* ]]; do if [[ "$1" == --*=* || "$1" == --unbuffered ]]; then shift; else shift 2; fi; done
exec "$@"
"""
SCONTROL = """#!/usr/bin/env bash
# scontrol requeue 77_0
echo "$2" >> "$FAKE_SLURM/requeued"; index="${2##*_}"
( sleep 1; "$FAKE_SLURM/start" "$index" 1 ) > /dev/null 2>&1 &
"""
SACCT = """#!/usr/bin/env bash
echo "JobID|State|NodeList"; for index in 0 1 2 3; do echo "77_$index|RUNNING|localhost"; done
"""


def install(folder: Path) -> dict[str, str]:
    """Write the commands to a folder and return the variables that put them before all others."""
    folder.mkdir()
    commands = {"sbatch": SBATCH, "start": START, "srun": SRUN, "scontrol": SCONTROL, "sacct": SACCT}
    for name, text in commands.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return {"FAKE_SLURM": str(folder), "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
