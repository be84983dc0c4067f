"""The command: pictures and what was reached in a folder, or one message before anything is
made.
"""

import json
from pathlib import Path

import pytest

from convsweep.explain.synth.command import main
from tests.checkpoints import SMALL, write_checkpoint


def run(monkeypatch: pytest.MonkeyPatch, out: Path, *overrides: str) -> None:
    monkeypatch.setattr("sys.argv", ["synth", "device=cpu", f"hydra.run.dir={out}", *overrides])
    main()


def test_the_command_leaves_images_and_says_what_a_judge_sees(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    net = write_checkpoint(tmp_path / "net.ckpt", *SMALL)
    out = tmp_path / "out"
    run(
        monkeypatch,
        out,
        f"checkpoint={net}",
        f"judge={net}",
        "method.steps=2",
        "method.classes=[3,7]",
        "size=[8,8]",
    )
    record = json.loads((out / "synth.json").read_text())
    assert [image["class"] for image in record["images"]] == ["3", "7"]
    assert len(record["judge"]["taken_for"]) == 2
    assert {image["file"] for image in record["images"]} | {"grid.png"} <= {
        path.name for path in out.iterdir()
    }


def test_mistakes_are_told_before_anything_is_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    net = write_checkpoint(tmp_path / "net.ckpt", *SMALL)
    (tmp_path / "a.png").touch()
    style = [
        "method=style",
        f"method.content={tmp_path}/a.png",
        f"method.styles=[{tmp_path}/a.png]",
    ]
    for overrides, message in [
        ([], "one network must be named"),
        (
            [f"checkpoint={net}", *style, "method.start=contents"],
            "method.start must be one of content, noise",
        ),
        (
            [f"checkpoint={net}", *style, "method.optimizer=sgd"],
            "method.optimizer must be one of lbfgs, adam",
        ),
        ([f"checkpoint={net}", "method.lr=fast"], "method.lr must be a number, but is 'fast'"),
        ([f"checkpoint={net}", "method.classes=3"], "but is 3; say 'method.classes=[3]'"),
    ]:
        with pytest.raises(SystemExit):
            run(monkeypatch, tmp_path / "out", *overrides)
        assert message in capsys.readouterr().err
    assert not list((tmp_path / "out").glob("*.png"))
