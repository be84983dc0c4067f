"""A long recording is cleaned as if at once, in bounded memory, and keeps its length, rate,
channels and silence.
"""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from torch import nn

from convsweep.data.samples import DataInfo
from convsweep.inference.predict.recording import Cleaner, level_of
from convsweep.nets import ConvNet, UNet
from convsweep.tasks.denoising import Denoising
from tests.checkpoints import Command, write_checkpoint

STACK: dict[str, Any] = {
    "num_stages": 4,
    "width": 8,
    "width_growth": 1.0,
    "dilation": [1, 2, 4, 8],
    "downsample": "none",
    "head": {"output": "position"},
}


def denoiser(net: nn.Module | None = None, **options: Any) -> Denoising:
    torch.manual_seed(0)
    spread = {"mean": torch.zeros(1), "std": torch.full((1,), 0.1), "class_counts": torch.ones(1)}
    info = DataInfo((1, 256), 1, ("sound",), "denoising", sample_rate_hz=8000)
    return Denoising(net=net or ConvNet((1, 256), 1, **STACK), info=info, **spread | options).eval()  # type: ignore[return-value]


def noise(channels: int = 1, length: int = 5000, seed: int = 0) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal((channels, length), np.float32)


def cleaned(model: Denoising, wave: np.ndarray, rate: int = 8000, **options: Any) -> np.ndarray:
    return np.concatenate(list(Cleaner(model, **options)(wave, rate, level_of(wave))), axis=1)


@pytest.mark.parametrize("normalize_by", ["sample", "training_split"])
@pytest.mark.parametrize(
    "options", [{}, {"overlap": 0.0}, {"window": 300, "overlap": 0.25, "batch_size": 3}]
)
def test_windows_give_what_the_whole_gives_away_from_the_borders(
    normalize_by: Any, options: dict[str, Any]
) -> None:
    model, wave = denoiser(normalize_by=normalize_by), noise()
    wave[:, 2000:2500] *= 0.01  # a pause is no louder in its own window
    with torch.no_grad():
        whole = model(torch.from_numpy(wave)[None])[0].numpy()
    reach = Cleaner(model).context
    assert reach == 15  # kernels of 3 spread by 1, 2, 4 and 8
    got = cleaned(model, wave, **options)
    assert got.shape == wave.shape
    np.testing.assert_allclose(got[:, reach:-reach], whole[:, reach:-reach], atol=1e-6)


def test_unet_in_windows_is_close_to_the_whole() -> None:
    model, wave = (
        denoiser(UNet((1, 256), 1, depth=2, width=4, kernel_size=5, init="torch")),
        noise(length=4096),
    )
    with torch.no_grad():
        whole = model(torch.from_numpy(wave)[None])[0].numpy()
    got = cleaned(model, wave)
    reach = Cleaner(model).context
    # its halvings begin at other samples
    assert np.corrcoef(got[0, reach:-reach], whole[0, reach:-reach])[0, 1] > 0.8


def test_every_channel_is_cleaned_by_itself() -> None:
    model, wave = denoiser(), noise(channels=3, length=1000)
    wave[1] *= 20
    together = cleaned(model, wave)
    for channel in range(3):
        np.testing.assert_allclose(
            together[channel : channel + 1], cleaned(model, wave[channel : channel + 1]), atol=1e-5
        )


def test_silence_stays_silent_and_short_recordings_are_cleaned() -> None:
    assert not cleaned(denoiser(), np.zeros((2, 3000), np.float32)).any()
    for length in (1, 40, 255):
        assert cleaned(denoiser(), noise(length=length)).shape == (1, length)


@pytest.mark.parametrize("rate", [44100, 16000, 11025])
def test_another_rate_is_resampled_there_and_back(rate: int) -> None:
    tone = 0.3 * np.sin(2 * np.pi * 500 * np.arange(rate) / rate, dtype=np.float32)[None]
    got = cleaned(denoiser(nn.Identity(), normalize_by="sample"), tone, rate, window=2000)
    assert got.shape == tone.shape
    np.testing.assert_allclose(got[:, 500:-500], tone[:, 500:-500], atol=0.01)


def test_level_is_that_of_each_channel_over_all_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convsweep.inference.predict.recording.PIECE", 100)
    wave = noise(channels=2, length=999)
    np.testing.assert_allclose(level_of(wave), np.sqrt(np.square(wave).mean(axis=1)), rtol=1e-5)


class Endless:
    """An hour of noise that is made where it is read."""

    shape = (1, 30_000_000)

    def __getitem__(self, index: tuple[slice, slice]) -> np.ndarray:
        start, stop, _ = index[1].indices(self.shape[1])
        return np.random.default_rng(start).standard_normal((1, stop - start), np.float32)


def test_memory_does_not_grow_with_the_recording() -> None:
    pieces = Cleaner(denoiser(nn.Conv1d(1, 1, 3, padding=1)), window=2**14)(
        Endless(), 8000, np.ones(1, np.float32)
    )
    next(pieces)
    tracemalloc.start()
    received = sum(piece.shape[1] for piece, _ in zip(pieces, range(60), strict=False))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert received > 400_000
    assert peak < 4 * 2**20


@pytest.fixture(scope="session")
def signals_net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("signals")
    small = [
        "data.length=256",
        "data.num_train=4",
        "data.num_val=2",
        "data.num_test=2",
        "model.net.depth=2",
        "model.net.width=4",
    ]
    return write_checkpoint(folder / "best.ckpt", "model=denoising", "data=signals", *small)


def test_command_writes_a_wav_of_the_same_length(
    run: Command, signals_net: Path, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    soundfile.write(
        tmp_path / "in" / "talk.flac", noise(channels=2, length=20_000).T, 44100, subtype="PCM_24"
    )
    soundfile.write(tmp_path / "in" / "beep.wav", noise(length=3000).T, 8000, subtype="FLOAT")
    (tmp_path / "in" / "bad.ogg").write_bytes(b"no sound")
    assert run(signals_net, tmp_path / "in", "--out", tmp_path / "out") == 3
    assert "bad.ogg" in run.err
    talk, beep = (
        soundfile.info(str(tmp_path / "out" / "recordings" / f"{name}.wav"))
        for name in ("talk", "beep")
    )
    assert (talk.frames, talk.samplerate, talk.channels, talk.subtype) == (
        20_000,
        44100,
        2,
        "PCM_24",
    )
    assert (beep.frames, beep.samplerate, beep.channels, beep.subtype) == (3000, 8000, 1, "FLOAT")
    rows = (tmp_path / "out" / "predictions.csv").read_text().splitlines()
    assert rows[0] == "sample,result"
    assert rows[1].endswith("recordings/beep.wav")


def test_recordings_are_for_denoisers(run: Command, digits_net: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "beep.wav", noise(length=3000).T, 8000)
    assert run(digits_net, tmp_path / "beep.wav", "--out", tmp_path / "out") == 1
    assert "Sound files are for networks that clean them" in run.err
