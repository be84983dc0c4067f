"""The command: figures of a composed network, of a trained one, and in the run's W&B run."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from convsweep.explain.draw import command
from convsweep.explain.draw.figures import FIGURES
from convsweep.tracking.wandb.run import read_run_file

Train = Callable[..., Path]


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr("sys.argv", ["draw", *arguments])
    try:
        command.main()
    except SystemExit as exit:
        if exit.code:
            raise


def test_the_command_knows_every_figure() -> None:
    assert set(command.NAMES) == set(FIGURES)
    assert all(line.split()[0] in FIGURES for line in command.NOTES.splitlines())


def test_network_of_a_config_is_drawn_and_nothing_else_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    run(
        monkeypatch,
        "model.net.width=4",
        "--figures",
        "matrix,field",
        "--format",
        "svg",
        "--out",
        "figures",
        "seed=1",
    )
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == [
        "figures",
        "figures/field.svg",
        "figures/matrix.svg",
    ]


def test_mistakes_end_with_their_message(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for arguments, message in [
        (["--layer", "stages.9"], "--layer must be one of stages.0"),
        (["model.net.widht=4"], "did you mean"),
        (["--figures", "matrix,horse"], "there is no figure 'horse'"),
        (["--checkpoint", "nowhere"], "nothing at nowhere"),
        (["--wandb", "--figures", "field", "logger=none"], "--wandb needs a run that logs to W&B"),
    ]:
        with pytest.raises(SystemExit) as exit:
            run(monkeypatch, *arguments)
        assert exit.value.code == (2 if "horse" in arguments[-1] else 1)
        assert message in capsys.readouterr().err


def test_trained_network_is_drawn_into_its_run(
    train: Train, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    folder = train("logger=wandb", "data.max_train=100")
    before = read_run_file(folder)
    run(
        monkeypatch,
        "--checkpoint",
        str(folder),
        "--figures",
        "matrix,filters,maps,field",
        "--wandb",
    )
    assert {"matrix.png", "filters.png", "maps.png", "field.png"} <= {
        path.name for path in (folder / "pictures").iterdir()
    }
    after = read_run_file(folder)
    assert after["id"] == before["id"]
    logged = [path.name for path in (folder / after["dir"]).rglob("*.png")]
    assert sorted(name.split("_")[0] for name in logged) == ["field", "filters", "maps", "matrix"]
    with pytest.raises(SystemExit):
        run(monkeypatch, "--checkpoint", str(folder), "model.net.width=8")
    assert json.loads((folder / "result.json").read_text())["outcome"] == "complete"
