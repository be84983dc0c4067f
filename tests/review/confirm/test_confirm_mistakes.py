"""A sweep that cannot be confirmed is refused by one message before any training; a running sweep
can be confirmed.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from convsweep.errors import UserError
from convsweep.review.confirm.candidates import Candidate, changes
from convsweep.review.confirm.command import main
from convsweep.review.confirm.jobs import Folds, overrides_of_job
from convsweep.review.confirm.request import parse_request
from hydra_study.errors import StudyError
from hydra_study.storage.sweep_folder import open_sweep_folder
from tests.checkpoints import Command
from tests.hydra_study.conftest import PATIENCE_S, wait_for

from .conftest import Confirmed, MakeConfirmed


def test_an_empty_sweep_and_one_without_a_complete_trial(swept: MakeConfirmed) -> None:
    one = swept("net=broken", "x=0,1", "fail_early=true")
    text = one.confirm(code=1)
    assert "a confirmation needs a complete trial, but those of" in text
    assert "are: 2 error; the first reason: RuntimeError: a broken net" in text
    assert "Traceback" not in text


def test_no_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    with pytest.raises(SystemExit, match="1"):
        main([str(tmp_path)])
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(StudyError, match=r"a sweep's folder holds multirun\.yaml"):
        main([str(tmp_path)])
    with pytest.raises(StudyError, match=r"a sweep's folder holds multirun\.yaml"):
        open_sweep_folder(tmp_path)


def test_a_misspelt_key_is_answered_before_anything_is_trained(swept: MakeConfirmed) -> None:
    one = swept("net=good,plain")
    assert "cannot be composed" in one.confirm("fail_eraly=1", code=1)
    assert "cannot be composed" in one.confirm("baseline=nett=good", code=1)
    told = one.confirm("baseline=hydra/job_logging=goood", code=1)
    assert "hydra/job_logging/goood" in told
    assert "provider=" not in told, "where Hydra has looked is not said"
    assert len(one.ran()) == 2


def test_a_running_sweep_is_confirmed_as_it_stands(tmp_path: Path, run: Command) -> None:
    one = Confirmed(tmp_path / "toy", run)
    hold = one.toy.folder / "hold"
    hold.touch()
    process = one.toy.start("hydra/sweeper/sampler=grid", "net=good,plain", "hydra.sweeper.slots=1")
    try:
        wait_for(lambda: (one.sweep / "0" / "outcome.json").exists())
        output = one.confirm("top=1", "seeds=1")
        assert "the sweep is still running" in output
        assert list(one.networks()) == ["trial 0", "baseline"]
        hold.unlink()
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.communicate()
    assert one.toy.kinds() == ["complete"] * 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "takes one sweep's folder"),
        (["a", "b"], "takes one sweep's folder"),
        (["a", "top=0"], "top must be a whole number >= 1, but is '0'"),
        (["a", "seeds=three"], "seeds must be a whole number"),
        (["a", "seed=3"], "say seeds=<how many>"),
        (["a", "folds=1"], "folds must be at least 2"),
        (["a", "folds=5", "seeds=3"], "got folds=5 seeds=3; say folds=5, or seeds=5"),
        (["a", "sedes=3"], "did you mean 'seeds'"),
    ],
)
def test_the_command_line_is_checked(arguments: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_request(arguments)


def test_the_words_of_the_command_line() -> None:
    request = parse_request(
        [
            "a",
            "top=2",
            "baseline=vgg_small",
            "~callbacks.ema",
            "hydra/launcher=joblib",
            "trainer.max_epochs=2",
        ]
    )
    assert (request.folder, request.top, request.seeds, request.by) == (Path("a"), 2, 5, None)
    assert request.baseline == ["model/net=vgg_small"]
    assert request.overrides == ["~callbacks.ema", "trainer.max_epochs=2"]
    assert request.engine == ["hydra/launcher=joblib"]
    assert parse_request(["a", "baseline=experiment=b optimizer.lr=1"]).baseline == [
        "experiment=b",
        "optimizer.lr=1",
    ]
    assert parse_request(["a", "baseline=none"]).baseline is None


def test_a_part_of_a_config_is_changed_by_overrides() -> None:
    given = {"a": 1, "b": {"c": [1, 2], "d": {}}, "e": None, "f": "x"}
    assert changes("net", given, given) == []
    wanted = {"a": [16, 36], "b": {"c": None}, "e": None, "g": {"h": "two words"}}
    assert changes("net", given, wanted) == [
        "~net.f",
        "net.a=[16,36]",
        "~net.b.d",
        "net.b.c=null",
        "+net.g={h:'two words'}",
    ]


def test_all_networks_are_trained_on_the_same_folds() -> None:
    candidate = Candidate("trial 3", ["data.val_fraction=0.3", "x=1"])
    assert overrides_of_job(candidate, 2, "seed", folds=Folds(5, seed=7)) == [
        "data.val_fraction=null",
        "x=1",
        "data.num_folds=5",
        "data.fold=2",
        "seed=7",
        "name=trial_3_fold2",
        "test=always",
    ]


def test_help_has_examples() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "convsweep", "confirm", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "convsweep confirm multirun/depth_kernel_digits" in done.stdout
