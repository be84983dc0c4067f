"""The command line is divided into words of auto, overrides, and those of the engine."""

from pathlib import Path

import pytest

from convsweep.auto.request import parse_request
from convsweep.errors import UserError


def test_words_and_overrides_are_told_apart() -> None:
    request = parse_request(
        [
            "data=image_folder",
            "data.root=~/my photos",
            "budget=2h",
            "budget.max_params=1M",
            "hydra/launcher=ray",
            "hydra.sweeper.slots=2",
            "seeds=3",
            "folder=there",
            "--config-dir",
            ".",
            "--dry-run",
        ]
    )
    home = Path("~/my photos").expanduser()
    assert request.overrides == [
        "--config-dir=.",
        "data=image_folder",
        f"data.root='{home}'",
        "budget.max_params=1M",
    ]
    assert request.engine == ["hydra/launcher=ray", "hydra.sweeper.slots=2"]
    assert (request.seconds, request.n_trials, request.top, request.seeds) == (7200, None, 3, 3)
    assert (request.folder, request.dry_run) == (Path("there"), True)


def test_an_energy_is_a_limit_by_itself() -> None:
    request = parse_request(["data=digits", "energy=30Wh"])
    assert (request.joules, request.watts, request.seconds) == (108_000, None, None)
    stated = ["data=digits", "energy=30Wh", "power=2kW", "hydra/launcher=slurm"]
    assert parse_request(stated).watts == 2000
    assert parse_request(["data=digits", "energy=30Wh", "hydra/launcher=joblib"]).joules == 108_000


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["budget=30min"], "auto must know the data"),
        (["data=digits"], "auto needs a limit"),
        (["data=digits", "n_trials=3", "--config-dir", "conff"], "must be a folder of configs"),
        (["data=digits", "budget=30"], "budget=30min"),
        (["data=digits", "energy=2"], "energy must be a number above zero with its unit"),
        (["data=digits", "budget=1h", "power=90W"], "say energy=0.2kWh too"),
        (["data=digits", "energy=2Wh", "hydra/launcher=slurm"], "energy is measured on this"),
        (["data=digits", "n_trials=0"], "n_trials must be a whole number"),
        (["data=digits", "n_trials=3", "folds=1"], "folds must be a whole number >= 2"),
        (["data=digits", "n_trials=3", "photos"], "auto takes overrides"),
        (["data=digits", "n_trials=3", "--dryrun"], "did you mean '--dry-run'"),
        (["--config-name", "project", "n_trials=3"], "name the options instead, as in --config-d"),
        (["data=digits", "n_trials=3", "sweeps=mobile"], "auto decides sweeps itself"),
        (["data=digits", "n_trials=3", "objectives=[val/accuracy,macs]"], "say model.monitor="),
        (["data=digits", "n_trials=3", "hydra.sweeper.direction=minimize"], "say model.monitor="),
        (["data=digits", "n_trials=3", "+hydra.sweeper.timeout=9"], "say budget=30min"),
        (["data=digits", "n_trials=3", "hydra.sweeper.enqueue=[]"], "first trial is the baseline"),
    ],
)
def test_mistakes(words: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_request(words)
