"""Decoded folders are kept whole or not at all, and read again when a file changes."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from drawn_images import draw

from convsweep.data.files import decoding
from convsweep.data.samples import Rows
from convsweep.data.sources.image_folder import ImageFolder
from convsweep.errors import UserError


def on_disk(root: Path, **options: object) -> ImageFolder:
    return ImageFolder(str(root), batch_size=4, keep="disk", **options)  # type: ignore[arg-type]


def entries(cache: Path) -> list[str]:
    return sorted(path.name for path in (cache / "convsweep").iterdir() if path.is_dir())


def test_a_cached_folder_is_the_folder(class_root: Path) -> None:
    cached, direct = on_disk(class_root), ImageFolder(str(class_root), batch_size=4, keep="memory")
    assert isinstance(cached.train.x, Rows)
    assert np.array_equal(cached.train.x[:], direct.train.x[:])
    assert np.array_equal(cached.mean, direct.mean)
    pairs = zip(cached.train_dataloader(), direct.train_dataloader(), strict=True)
    assert all((one[0] == two[0]).all() for one, two in pairs)


def test_it_is_decoded_once(
    class_root: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_disk(class_root).setup()
    monkeypatch.setattr(decoding, "fill", lambda *_: pytest.fail("decoded again"))
    on_disk(class_root).setup()
    assert len(entries(own_cache)) == 1


@pytest.mark.parametrize("change", ["contents", "time", "name", "settings"])
def test_a_change_is_noticed(class_root: Path, own_cache: Path, change: str) -> None:
    on_disk(class_root).setup()
    file = class_root / "cat" / "0.png"
    if change == "contents":
        draw(file, seed="other")
    elif change == "time":
        os.utime(file, (1, 1))
    elif change == "name":
        file.rename(file.with_name("00.png"))
    on_disk(class_root, image_size=8 if change == "settings" else None).setup()
    assert len(entries(own_cache)) == 2


def test_a_failed_decode_leaves_nothing_behind(class_root: Path, own_cache: Path) -> None:
    (class_root / "cat" / "3.png").write_text("no image")
    with pytest.raises(UserError, match="no image"):
        on_disk(class_root).setup()
    assert entries(own_cache) == []


def test_what_a_killed_process_left_is_removed(class_root: Path, own_cache: Path) -> None:
    on_disk(class_root).setup()
    (name,) = entries(own_cache)
    (own_cache / "convsweep" / name).rename(own_cache / "convsweep" / f".{name}-k1ll3d")
    (own_cache / "convsweep" / ".another-folder").mkdir()
    on_disk(class_root).setup()
    assert entries(own_cache) == [".another-folder", name]


def test_a_cut_off_cache_is_written_again(class_root: Path, own_cache: Path) -> None:
    expected = on_disk(class_root).train.x[:]
    (file,) = own_cache.rglob("x.npy")
    file.write_bytes(file.read_bytes()[:-10])
    assert np.array_equal(on_disk(class_root).train.x[:], expected)


def test_an_unwritable_cache_is_named_or_done_without(
    class_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("x")
    with pytest.raises(UserError, match=r"must be writable.*set data\.cache_dir"):
        on_disk(class_root, cache_dir=str(blocked)).setup()
    monkeypatch.setattr(decoding, "FEW_FILES", 1)
    assert len(ImageFolder(str(class_root), batch_size=4, cache_dir=str(blocked)).train) > 0


WRITE_ONCE = """
import sys, pathlib
from convsweep.data.files.cache import Layout, store
folder, log = map(pathlib.Path, sys.argv[1:])
def write(arrays):
    with log.open("a") as file:
        file.write("written ")
    arrays["x"][:] = 7
print(store(folder, {"x": Layout((100, 100), "uint8")}, write)["x"].sum())
"""


def test_many_processes_write_it_once(tmp_path: Path) -> None:
    folder, log = tmp_path / "own" / "key", tmp_path / "log"
    command = [sys.executable, "-c", WRITE_ONCE, str(folder), str(log)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate()[0].strip() for process in running] == ["70000"] * 4
    assert log.read_text() == "written "
    assert sorted(path.name for path in folder.parent.iterdir()) == ["key", "key.lock"]
