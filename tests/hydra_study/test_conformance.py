"""Hydra's shipped suites, as far as they apply to a sweeper that returns no list of jobs and names
folders by trial.
"""

from pathlib import Path
from typing import Any

import pytest
from hydra.test_utils import launcher_common_tests as suites

FLAGS = [
    "-m",
    "hydra/sweeper=study",
    "hydra.sweeper.n_trials=1",
    "hydra.sweeper.slots=1",
    "hydra.sweeper.view=none",
]


@pytest.mark.parametrize(("task_launcher_cfg", "extra_flags"), [({}, FLAGS)])
class TestIntegration(suites.IntegrationTestSuite):
    """Names, folders and paths that a task sees."""

    # By design the folder of a trial is the sweep's folder and the trial's number, so that none
    # overwrites another.
    test_custom_sweeper_run_workdir = None  # type: ignore[assignment]

    def test_to_absolute_path_multirun(
        self, tmpdir: Path, task_launcher_cfg: Any, extra_flags: list[str]
    ) -> None:
        """The suite's own test, with the folder of trial 0."""
        suites.integration_test(
            tmpdir=tmpdir,
            task_config=suites.OmegaConf.create({}),
            overrides=[*extra_flags, "hydra.job.chdir=True", "hydra.sweep.dir=cli_dir"],
            prints=["hydra.utils.to_absolute_path('/foo/bar')", "os.getcwd()"],
            expected_outputs=["/foo/bar", str(Path(tmpdir) / "cli_dir" / "0")],
        )


@pytest.mark.parametrize(("launcher_name", "overrides"), [("basic", ["hydra/sweeper=study"])])
class TestLauncher(suites.LauncherTestSuite):
    """What a sweep refuses."""

    # These assert a list of job returns, which a search of any length does not keep; see the study
    # instead.
    test_sweep_1_job = None  # type: ignore[assignment]
    test_sweep_2_jobs = None  # type: ignore[assignment]
    test_sweep_1_job_strict = None  # type: ignore[assignment]
    test_sweep_2_optimizers = None  # type: ignore[assignment]
    test_sweep_over_unspecified_mandatory_default = None  # type: ignore[assignment]
    test_sweep_and_override = None  # type: ignore[assignment]
    test_sweep_with_custom_resolver = None  # type: ignore[assignment]
    test_failure_preserves_task_traceback = None  # of Hydra 1.4; here test_outcomes.py asserts it
