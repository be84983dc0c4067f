"""Preprocessing of a command line before Hydra parses it, and the end of a mistake."""

from pathlib import Path

import pytest

from convsweep.cli.command_line import PREVIEW, expand_dry_run, multirun_first
from convsweep.errors import UserError
from convsweep.run_folder import remove_unused


def test_overrides_may_stand_on_both_sides_of_the_multirun_flag() -> None:
    assert multirun_first(["logger=none", "-m", "seed=0,1", "--info"]) == [
        "-m",
        "logger=none",
        "seed=0,1",
        "--info",
    ]
    assert multirun_first(["seed=1", "--multirun"]) == ["--multirun", "seed=1"]
    assert multirun_first(["--cfg", "job", "seed=1"]) == ["--cfg", "job", "seed=1"]


@pytest.mark.parametrize("kept", ["notes.txt", "metrics.csv", "checkpoints/last.ckpt"])
def test_only_a_folder_of_nothing_else_is_removed_after_a_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("day/run", "mine", "."):
        Path(name, ".hydra").mkdir(parents=True)
        for file in ("train.log", "config.yaml"):
            Path(name, file).touch()
    Path("mine", kept).parent.mkdir(exist_ok=True)
    Path("mine", kept).touch()
    for name in ("day/run", "mine", "."):
        remove_unused(Path(name))
    assert not Path("day").exists()
    assert Path("mine", kept).is_file()
    assert Path("mine", "config.yaml").is_file()
    assert Path("config.yaml").is_file()


def test_a_dry_run_is_of_a_search() -> None:
    assert expand_dry_run(["-m", "sweeps=x", "--dry-run"]) == [
        "-m",
        "sweeps=x",
        f"hydra.sweeper.preview={PREVIEW}",
    ]
    with pytest.raises(UserError, match="add -m and a space"):
        expand_dry_run(["data=digits", "--dry-run"])
