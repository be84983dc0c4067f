"""Training of a confirmation's jobs by the sweep's own program, sweeper, launcher and slots."""

import dataclasses
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from convsweep.cli.next_commands import OF_CONFIRMATION
from convsweep.cli.shell_command import TRAIN
from convsweep.errors import UserError
from convsweep.review.confirm.candidates import merge_overrides
from convsweep.review.confirm.jobs import JOB, Jobs
from hydra_study import SweepFolder, config_arguments, override_text

_OWN: dict[str, Any] = {
    "suggest": OF_CONFIRMATION,
    "timeout": None,
    "target": None,
    "repeat": 1,
    "average_over": None,
    "finalists": None,
    "max_errors": None,
    "changed": "accept",
    "early_stopping": None,
    "enqueue": [],
    "prior": [],
}
_SET_OTHERWISE = (
    "params",
    "sampler",
    "pruner",
    "schedule",
    "_target_",
    "_recursive_",
    "study_name",
    "policy",
    "ignore",
    "prune_on",
)
_OF_THE_SWEEP = ("hydra.sweep", "hydra/sweep", "hydra.launcher", "hydra/launcher", "hydra.mode")


def train(sweep: SweepFolder, jobs: Jobs, engine: list[str]) -> int:
    """Run all open jobs and return the exit code of the program.

    Args:
        sweep: the sweep, whose slots, launcher, limits and checks are used.
        jobs: the trainings.
        engine: the user's overrides of Hydra's options, which take precedence.
    """
    command = [
        sys.executable,
        *program(sweep),
        "-m",
        *config_arguments(sweep.config.hydra),
        *arguments(sweep, jobs, engine),
    ]
    cwd = Path(str(sweep.config.hydra.runtime.cwd))
    with subprocess.Popen(command, cwd=cwd if cwd.is_dir() else None) as process:
        before = {
            # Ctrl-C reaches the program directly, as it is in the same process group; it closes its
            # runs and ends.
            signal.SIGINT: signal.signal(signal.SIGINT, lambda signum, frame: None),
            signal.SIGTERM: signal.signal(
                signal.SIGTERM, lambda signum, frame: process.send_signal(signum)
            ),
        }
        try:
            return process.wait()
        finally:
            for signum, handler in before.items():
                signal.signal(signum, handler)


def program(sweep: SweepFolder) -> list[str]:
    """Return the arguments of Python that start the program of the sweep.

    Raises:
        UserError: the program is not next to its configs.
    """
    if sweep.config.hydra.help.app_name == TRAIN:
        return ["-m", "convsweep", "train"]
    script = sweep.main_config_folder().parent / f"{sweep.config.hydra.job.name}.py"
    if not script.is_file():
        raise UserError(
            f"a confirmation is trained by the program of its sweep, but {script} is not there; put"
            " it back"
        )
    return [str(script)]


def arguments(sweep: SweepFolder, jobs: Jobs, engine: list[str]) -> list[str]:
    """Return the overrides that make the sweeper train the jobs, each once, in order."""
    options = dataclasses.asdict(sweep.options)
    policy = {kind: "go_on" if text == "stop" else text for kind, text in options["policy"].items()}
    ignore = [key for key in options["ignore"] if key != options["seed_key"]]
    num_jobs = len(jobs.overrides())
    own = {
        **_OWN,
        "n_trials": num_jobs,
        "study_name": jobs.study_name,
        "policy": policy,
        "ignore": ignore,
    }
    kept = {
        key: value for key, value in options.items() if key not in own and key not in _SET_OTHERWISE
    }
    if not sweep.is_in_database:
        kept["storage"] = None  # a separate journal
    choices = sweep.config.hydra.runtime.choices
    others = [
        text for text in sweep.hydra_overrides if not text.lstrip("+~").startswith(_OF_THE_SWEEP)
    ]
    launcher = [
        text
        for text in sweep.hydra_overrides
        if text.lstrip("+~").startswith(("hydra.launcher", "hydra/launcher"))
    ]
    return merge_overrides(
        [
            "hydra/sweeper=study",
            "hydra/sweeper/sampler=grid",
            "hydra/sweeper/pruner=none",
            "hydra/sweeper/schedule=none",
            f"hydra/launcher={choices['hydra/launcher']}",
            *others,
            *launcher,
            *(
                f"++hydra.sweeper.{key}={override_text(value)}"
                for key, value in {**kept, **own}.items()
            ),
            f"++hydra.sweeper.params={{{JOB}:{override_text(f'range(0,{num_jobs})')}}}",
            f"hydra.sweep.dir={override_text(str(jobs.layout.folder))}",
            *engine,
        ]
    )
