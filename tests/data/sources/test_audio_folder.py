"""Recordings in a folder: split so that none is in two parts, cut, resampled, and bad ones named
before training.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from convsweep.data.files.audio import Recording, mono
from convsweep.data.files.images import UnfitFileError
from convsweep.data.files.resampling import Resampled
from convsweep.data.sources.audio_folder import AudioFolder
from convsweep.data.sources.noise import Recorded
from convsweep.errors import MissingExtraError, UserError


def sound(
    file: Path, seconds: float = 0.3, rate: int = 8000, hz: float = 440.0, channels: int = 1
) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    wave = 0.3 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)
    soundfile.write(file, np.stack([wave] * channels, axis=1), rate)
    return file


@pytest.fixture
def speakers(tmp_path: Path) -> Path:
    """Five speakers of four words each."""
    for speaker in ("ann", "bob", "cat", "dan", "eve"):
        for word in range(4):
            sound(
                tmp_path / "speech" / speaker / f"{word}.{'flac' if word else 'wav'}",
                hz=200 + 50 * word,
            )
    return tmp_path / "speech"


def folder(root: Path, **options: Any) -> AudioFolder:
    return AudioFolder(
        str(root),
        **{"sample_rate_hz": 8000, "window_s": 0.1, "batch_size": 4, "noise": "white"} | options,
    )


def stems(names: list[str]) -> set[str]:
    return {name.partition("@")[0] for name in names}


def test_windows_are_pieces_of_the_files_in_order(tmp_path: Path) -> None:
    for number in range(3):
        sound(tmp_path / f"{number}.wav", seconds=0.25, hz=300 + 100 * number)
    data = folder(tmp_path, val_fraction=0.3, test_fraction=0.3)
    assert data.info.in_shape == (1, 800)
    assert data.test is not None
    for part in (data.train, data.val, data.test):
        (name,) = stems(part.names)
        whole = soundfile.read(tmp_path / name, dtype="float32")[0]
        # 0.05 s of silence fill the last window
        assert np.array_equal(part.y[:, 0].reshape(-1), np.pad(whole, (0, 400)))
        assert [one.partition("@")[2] for one in part.names] == ["0.00s", "0.10s", "0.20s"]


@pytest.mark.parametrize("group", [None, "folder"])
def test_no_file_or_no_speaker_is_in_two_parts(speakers: Path, group: str | None) -> None:
    data = folder(speakers, group=group, val_fraction=0.2, test_fraction=0.2)
    assert data.test is not None
    parts = [stems(part.names) for part in (data.train, data.val, data.test)]
    assert sum(map(len, parts)) == 20 == len(set.union(*parts))
    by_speaker = [{name.partition("/")[0] for name in part} for part in parts]
    if group == "folder":
        assert [len(part) for part in by_speaker] == [3, 1, 1]
        assert len(set.union(*by_speaker)) == 5
    again = folder(speakers, group=group, val_fraction=0.2, test_fraction=0.2, seed=9)
    assert again.val.names == data.val.names


def test_holdout_is_the_test_part(speakers: Path) -> None:
    data = folder(speakers, group="folder", holdout=["e*"], val_fraction=0.25)
    assert data.test is not None
    assert {name[:3] for name in data.test.names} == {"eve"}
    assert len({name[:3] for name in data.val.names}) == 1
    assert len({name[:3] for name in data.train.names}) == 3


def test_recordings_are_divided_into_folds_as_whole_files(tmp_path: Path) -> None:
    for number in range(6):
        sound(tmp_path / f"{number}.wav", hz=300 + 100 * number)
    folds = [folder(tmp_path, num_folds=3, fold=fold, test_fraction=None) for fold in range(3)]
    assert sorted(file for data in folds for file in stems(data.val.names)) == [
        f"{number}.wav" for number in range(6)
    ]


def test_stated_parts_are_kept(tmp_path: Path) -> None:
    for part in ("train", "valid", "test"):
        sound(tmp_path / part / f"{part}.wav")
    data = folder(tmp_path)
    assert data.test is not None
    assert [stems(part.names) for part in (data.train, data.val, data.test)] == [
        {"train/train.wav"},
        {"valid/valid.wav"},
        {"test/test.wav"},
    ]


def test_recordings_are_brought_to_one_rate_and_channel(tmp_path: Path) -> None:
    file = sound(tmp_path / "stereo.wav", seconds=0.5, rate=44100, hz=440, channels=2)
    wave = mono(file, 8000)
    assert wave.shape == (4000,)
    expected = 0.3 * np.sin(2 * np.pi * 440 * np.arange(4000) / 8000)
    assert np.abs(wave - expected)[100:-100].max() < 0.003


@pytest.mark.parametrize(
    ("from_hz", "to_hz"),
    [(44100, 8000), (8000, 44100), (8000, 16000), (48000, 16000), (8000, 8000)],
)
def test_resampled_pieces_are_pieces_of_the_whole(from_hz: int, to_hz: int) -> None:
    wave = np.random.default_rng(0).standard_normal((2, 20_000)).astype(np.float32)
    resampled = Resampled(wave, from_hz, to_hz)
    whole = resampled[:, :]
    assert whole.shape == resampled.shape
    for start, stop in ((0, 50), (777, 1300), (whole.shape[1] - 91, whole.shape[1])):
        assert np.allclose(resampled[:, start:stop], whole[:, start:stop], atol=1e-5)


def test_silent_windows_are_left_out(tmp_path: Path) -> None:
    file = sound(tmp_path / "a.wav", seconds=0.2)
    wave, rate = soundfile.read(file)
    soundfile.write(file, np.concatenate([np.zeros(1600), wave]), rate)
    sound(tmp_path / "b.wav")
    sound(tmp_path / "c.wav")
    data = folder(tmp_path, test_fraction=None, val_fraction=0.4)
    named = [*data.train.names, *data.val.names]
    assert [name for name in named if name.startswith("a")] == ["a.wav@0.20s", "a.wav@0.30s"]
    for file in tmp_path.iterdir():
        soundfile.write(file, np.zeros(1600), rate)
    with pytest.raises(UserError, match="Recordings must hold sound"):
        folder(tmp_path).setup()


def test_noise_of_a_folder_is_heard_in_one_part_only(speakers: Path, tmp_path: Path) -> None:
    (tmp_path / "noise").mkdir()
    soundfile.write(
        tmp_path / "noise" / "rain.wav", np.linspace(0.1, 0.9, 8000), 8000, subtype="FLOAT"
    )
    data = folder(speakers, noise="folder", noise_root=str(tmp_path / "noise"))
    stretches = []
    for part in ("train", "val", "test"):
        noise = data.recorded_noise(part)
        assert isinstance(noise, Recorded)
        stretches.append(noise.recordings[0])
    assert [len(stretch) for stretch in stretches] == [5600, 1200, 1200]
    assert stretches[0].max() < stretches[1].min() <= stretches[1].max() < stretches[2].min()


def test_all_bad_files_are_named_at_once(speakers: Path) -> None:
    (speakers / "ann" / "1.flac").write_bytes(b"no sound at all")
    soundfile.write(speakers / "bob" / "2.flac", np.zeros(0), 8000)
    soundfile.write(speakers / "cat" / "0.wav", np.float32([0, np.nan]), 8000, subtype="FLOAT")
    cut = speakers / "dan" / "3.flac"
    cut.write_bytes(cut.read_bytes()[:1200])
    with pytest.raises(UserError) as caught:
        folder(speakers).setup()
    message = str(caught.value)
    for name in ("ann/1.flac", "bob/2.flac", "cat/0.wav", "dan/3.flac"):
        assert name in message
    assert "NaN" in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"holdout": "zoe"},
            (
                r"data.holdout must match some names and leave some to train on, but \['zoe'\]"
                r" matches 0 of 20"
            ),
        ),
        ({"window_s": 0.0001}, "a window must hold samples"),
        ({"noise": "folder"}, "data.noise=folder and data.noise_root belong together"),
        ({"noise_root": "noises"}, "belong together"),
        (
            {"noise": "folder", "noise_root": "noises"},
            r"data\.noise_root must be a folder of recorded noise, .* does not exist",
        ),
    ],
)
def test_options_that_cannot_be_are_refused(
    options: dict[str, Any], message: str, speakers: Path
) -> None:
    with pytest.raises(UserError, match=message):
        folder(speakers, **options).setup()


def test_folder_without_recordings_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("la la la")
    with pytest.raises(UserError, match=r"must hold recordings \(.*\.wav"):
        folder(tmp_path).info  # noqa: B018


def test_missing_extra_is_named(speakers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'convsweep\[audio\]'"):
        folder(speakers).info  # noqa: B018


def test_a_recording_is_read_piece_by_piece(tmp_path: Path) -> None:
    recording = Recording(sound(tmp_path / "a.flac", seconds=1.0, channels=2))
    whole = recording[:, :]
    assert recording.shape == whole.shape == (2, 8000)
    assert np.array_equal(recording[:, 100:160], whole[:, 100:160])
    with pytest.raises(UnfitFileError):
        Recording(tmp_path / "b.flac")
