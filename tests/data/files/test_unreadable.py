"""Files that cannot be read: named, or left out of every part and counted."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from drawn_images import MakeMasks, draw
from drawn_volumes import draw_folder

from convsweep.data.datamodule import DataModule
from convsweep.data.sources.audio_folder import AudioFolder
from convsweep.data.sources.image_folder import ImageFolder
from convsweep.data.sources.image_table import ImageTable
from convsweep.data.sources.mask_folder import MaskFolder
from convsweep.data.sources.nifti_folder import NiftiFolder
from convsweep.errors import UserError

Source = Callable[..., DataModule]


def cut_off(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def classes(root: Path, make_masks: MakeMasks, **options: object) -> tuple[DataModule, list[str]]:
    for name in ("a", "b"):
        for number in range(6):
            draw(root / "classes" / name / f"{number}.png", seed=name)
    cut_off(root / "classes/a/0.png")
    (root / "classes/b/3.png").write_text("no image")
    return ImageFolder(str(root / "classes"), batch_size=2, **options), ["a/0.png", "b/3.png"]


def table(root: Path, make_masks: MakeMasks, **options: object) -> tuple[DataModule, list[str]]:
    images = make_masks(count=12) / "images"
    rows = [f"{number}.png,{number}" for number in range(12)]
    (images / "labels.csv").write_text("\n".join(["file,value", *rows]))
    cut_off(images / "5.png")
    return ImageTable(str(images), batch_size=2, **options), ["5.png"]


def masks(root: Path, make_masks: MakeMasks, **options: object) -> tuple[DataModule, list[str]]:
    folder = make_masks(count=12)
    cut_off(folder / "images/0.png")
    cut_off(folder / "masks/7.png")
    data = MaskFolder(str(folder), coding="binary", batch_size=2, **options)
    return data, ["images/0.png", "images/7.png"]


def volumes(root: Path, make_masks: MakeMasks, **options: object) -> tuple[DataModule, list[str]]:
    pytest.importorskip("nibabel")
    folder = draw_folder(root / "scans", ending=".nii")
    (folder / "images/case_0.nii").write_text("no volume")
    cut_off(folder / "masks/case_4.nii")
    data = NiftiFolder(str(folder), num_classes=3, batch_size=2, **options)
    return data, ["images/case_0.nii", "images/case_4.nii"]


def recordings(
    root: Path, make_masks: MakeMasks, **options: object
) -> tuple[DataModule, list[str]]:
    (root / "speech").mkdir()
    for number in range(10):
        wave = np.sin(np.arange(800) * (number + 1) / 10)
        soundfile.write(root / "speech" / f"{number}.wav", wave, 8000)
    (root / "speech/3.wav").write_text("no recording")
    given = {"sample_rate_hz": 8000, "window_s": 0.1, "noise": "white"}
    return AudioFolder(str(root / "speech"), batch_size=2, **given, **options), ["3.wav"]


# Each with the number of its readable samples.
SOURCES = {classes: 10, table: 11, masks: 10, volumes: 8, recordings: 9}


@pytest.mark.parametrize("make", SOURCES)
def test_files_that_cannot_be_read_are_named_with_the_option(
    make: Source, tmp_path: Path, make_masks: MakeMasks
) -> None:
    data, bad = make(tmp_path, make_masks)
    with pytest.raises(UserError, match=r"data\.on_unreadable=skip") as raised:
        data.setup()
    assert Path(bad[0]).name in str(raised.value)


@pytest.mark.parametrize("keep", ["memory", "disk"])
@pytest.mark.parametrize("make", SOURCES)
def test_files_that_cannot_be_read_are_left_out_and_counted(
    make: Source,
    keep: str,
    tmp_path: Path,
    make_masks: MakeMasks,
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = {} if make is recordings else {"keep": keep}
    data, bad = make(tmp_path, make_masks, on_unreadable="skip", **options)
    data.setup()
    parts = [part for part in (data.train, data.val, data.test) if part is not None]
    names = {name.partition("@")[0] for part in parts for name in part.names}
    assert len(names) == SOURCES[make]
    assert not names & set(bad)
    said = capsys.readouterr().out.replace("\n", " ")
    assert f"{len(bad)} file{'s' if len(bad) > 1 else ''} cannot be read: {', '.join(bad)}" in said
    assert all(len(part.x) == len(part.y) == len(part.names) for part in parts)


def test_files_that_can_be_read_but_do_not_fit_are_not_left_out(
    tmp_path: Path, make_masks: MakeMasks
) -> None:
    data, _ = masks(tmp_path, make_masks, on_unreadable="skip")
    draw(tmp_path / "cells/images/9.png", height=40)
    with pytest.raises(UserError, match="of its image's size"):
        data.setup()


def test_no_readable_file_is_an_error(tmp_path: Path, make_masks: MakeMasks) -> None:
    data, _ = table(tmp_path, make_masks, on_unreadable="skip")
    for file in (tmp_path / "cells/images").glob("*.png"):
        cut_off(file)
    with pytest.raises(UserError, match="must be a whole image, but 12 of 12"):
        data.setup()
