"""Mistakes are answered by one message and exit code 1, before anything is written."""

from pathlib import Path

import numpy as np
import pytest

from convsweep.inference.predict.inputs import find_files
from tests.checkpoints import Command, arrays_checkpoint


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.ckpt", "digits"], "there is nothing at nowhere.ckpt"),
        (["NET", "nowhere"], "FILES must be files or folders, but there is nothing at nowhere"),
        (["NET", "empty"], "there must be a file that can be read, but empty holds none"),
        (
            ["NET", "digits", "--out", "digits"],
            "--out must be a new or empty folder, but digits holds files",
        ),
        (["NET", "digits", "--out", "digits/0.png"], "--out must be a folder"),
        (
            ["NET", "digits", "--device", "abacus"],
            "--device must be auto or a device that torch has here",
        ),
        (["NET", "digits", "--batch-size", "0"], "--batch-size must be at least 1"),
        (["NET", "digits", "--overlap", "1"], "--overlap must be a share of a tile"),
        (["NET", "digits", "--tile", "8", "0"], "--tile must be at least 1, but is 8 0"),
        (
            ["NET", "digits", "--tile", "8"],
            "--tile is for what answers at every position, but this is a classifier",
        ),
        (
            ["NET", "digits", "--fit", "tiles"],
            "--fit tiles is for what answers at every position, but this is a classifier",
        ),
        (["empty", "digits"], "but empty is none of these; no checkpoint lies below it"),
        (["cut.ckpt", "digits"], "is not a readable checkpoint"),
        (
            ["signals.ckpt", "digits"],
            "image files suit a network of 1 or 3 channels and two axes, but this one takes 2x20",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistake_is_one_message(
    run: Command, digits: Path, digits_net: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "cut.ckpt").write_bytes(digits_net.read_bytes()[:-900])
    if "signals.ckpt" in arguments:
        arrays_checkpoint(tmp_path / "signals.ckpt", (2, 20), "model.net.num_stages=2")
    assert run(*(str(digits_net) if word == "NET" else word for word in arguments)) == 1
    assert message in run.err
    assert "Traceback" not in run.err
    assert not Path("predictions").exists()


def test_tile_of_the_wrong_number_of_axes(run: Command, scenes_net: Path, tmp_path: Path) -> None:
    from tests.data.drawn_images import draw

    draw(tmp_path / "one.png", 40, 40)
    assert run(scenes_net, "one.png", "--tile", 16, 16, 16) == 1
    assert "--tile must be one number or 2, but is [16, 16, 16]" in run.err


def test_every_file_has_a_name_of_its_own(tmp_path: Path) -> None:
    for name in ("a/1.png", "a/1.jpg", "b/1.png", "a/deep/2.npy", "a/.hidden.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    names = find_files([tmp_path / "a", tmp_path / "b", tmp_path / "a" / "1.png"])
    assert list(names.values()) == ["1", "1.png", "deep/2", "1.png_2"]


def test_folder_is_overwritten_only_when_told(run: Command, digits: Path, digits_net: Path) -> None:
    np.save("predictions.npy", np.zeros(1))
    assert run(digits_net, digits) == 0
    assert run(digits_net, digits) == 1
    assert "add --overwrite" in run.err
    assert run(digits_net, digits / "0.png", "--overwrite") == 0
    assert len(Path("predictions/predictions.csv").read_text().splitlines()) == 2


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    from convsweep.inference.predict.command import parse

    with pytest.raises(SystemExit) as end:
        parse(["--help"])
    assert end.value.code == 0
    assert "\n  convsweep predict outputs/" in capsys.readouterr().out
