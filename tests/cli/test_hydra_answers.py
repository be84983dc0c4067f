"""Hints appended to Hydra's error messages."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest
from hydra.errors import MissingConfigException

from convsweep.cli.hydra_answers import better_answer

TRAIN = Path(__file__).parents[2] / "train.py"


def test_a_launcher_that_a_package_brings_is_answered_by_its_extra() -> None:
    error = MissingConfigException("", "hydra/launcher/joblib", ["basic", "ray", "slurm"])
    hint = better_answer(error)
    assert hint is not None
    assert hint.endswith("run: pip install 'convsweep[joblib]'")


def test_an_option_of_the_folder_conf_is_answered_by_its_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    error = MissingConfigException("", "model/net/mine", ["convnet", "unet"])
    assert "did you mean" in str(better_answer(error))
    Path("conf/model/net").mkdir(parents=True)
    Path("conf/model/net/mine.yaml").touch()
    answer = "model/net=mine: conf/model/net/mine.yaml is there; add --config-dir conf"
    assert better_answer(error) == answer


@pytest.mark.parametrize(
    ("override", "answer"),
    [
        (
            "trainer.max_epoch=3",
            "trainer.max_epoch: there is no such key; did you mean 'max_epochs'?",
        ),
        (
            "hydra.sweeper.n_trial=3",
            "hydra.sweeper.n_trial: there is no such key; did you mean 'n_trials'?",
        ),
        (
            "sweeps=depth_kernell",
            "sweeps=depth_kernell: there is no such option; did you mean 'depth_kernel'?",
        ),
        (
            "data.root=Bücher,Hefte",
            (
                "data.root=Bücher,Hefte: values of other than plain letters and digits must be in"
                " quotes"
            ),
        ),
    ],
)
def test_the_answer_to_a_search_too_ends_with_what_to_do(
    tmp_path: Path, override: str, answer: str
) -> None:
    command = [
        sys.executable,
        TRAIN,
        "-m",
        "hydra/sweeper=study",
        "model.net.width=4,8",
        "logger=none",
        override,
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"Error: {answer}"), done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_may_not_be_written_to_is_named() -> None:
    told = better_answer(PermissionError(errno.EACCES, "Permission denied", "multirun/a"))
    assert (
        told
        == "multirun/a must be open to this command (Permission denied); mend that, or name another"
        " place"
    )
    assert better_answer(FileNotFoundError(errno.ENOENT, "No such file or directory", "a")) is None
