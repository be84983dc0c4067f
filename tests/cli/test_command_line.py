"""Preprocessing of a command line before Hydra parses it."""

from convsweep.cli.command_line import multirun_first


def test_overrides_may_stand_on_both_sides_of_the_multirun_flag() -> None:
    assert multirun_first(["logger=none", "-m", "seed=0,1", "--info"]) == [
        "-m",
        "logger=none",
        "seed=0,1",
        "--info",
    ]
    assert multirun_first(["seed=1", "--multirun"]) == ["--multirun", "seed=1"]
    assert multirun_first(["--cfg", "job", "seed=1"]) == ["--cfg", "job", "seed=1"]
