"""Denoised recordings reach the run folder and the server, as audio and spectrograms."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from fitting import tiny_trainer, track
from PIL import Image
from scipy.io import wavfile
from torch import nn
from wandb_server import WandbServer

from convsweep.data.sources.signals import Signals
from convsweep.pictures.denoised import Denoised, write_all
from convsweep.pictures.spectrograms import decibels, draw_spectrograms
from convsweep.tasks.denoising import Denoising
from convsweep.tracking import ConfusionMatrix, SamplePredictions, SampleRecordings


def denoised(folder: Path) -> Signals:
    """Train for two epochs with every callback that looks at predictions, and return the data."""
    data = Signals(length=512, num_train=8, num_val=6, num_test=2, batch_size=4)
    data.setup()
    torch.manual_seed(0)
    net = nn.Conv1d(1, 1, 5, padding=2)
    model = Denoising(
        net=net,
        info=data.info,
        mean=torch.as_tensor(data.mean),
        std=torch.as_tensor(data.std),
        class_counts=torch.ones(1),
    )
    callbacks = [callback() for callback in (SampleRecordings, SamplePredictions, ConfusionMatrix)]
    with track(folder) as tracker, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = tiny_trainer(tracker, callbacks=callbacks)
        trainer.fit(model, datamodule=data)
        trainer.test(model, datamodule=data, verbose=False)
    return data


def test_recordings_reach_folder_and_server(
    server: WandbServer, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = denoised(folder)
    files = sorted(path.name for path in (folder / "pictures/recordings_val").iterdir())
    assert files == sorted(
        f"{row}_{version}.wav" for row in range(4) for version in ("noisy", "denoised", "clean")
    )
    rate, clean = wavfile.read(folder / "pictures/recordings_val/3_clean.wav")
    _, noisy = wavfile.read(folder / "pictures/recordings_val/3_noisy.wav")
    factor = max(1.0, np.abs(data.val.x[-1]).max())
    assert rate == 8000
    assert np.allclose(clean / 32767, data.val.y[-1, 0] / factor, atol=1e-4)
    assert np.allclose(noisy / 32767, data.val.x[-1, 0] / factor, atol=1e-4)
    assert np.asarray(Image.open(folder / "pictures/recordings_val.png").convert("L")).std() > 5
    assert sorted(path.name for path in (folder / "pictures").iterdir()) == [
        "recordings_val",
        "recordings_val.png",
    ]
    (row,) = (row for row in server.run.history if "recordings/val" in row)
    assert row["recordings/val"]["count"] == 12
    assert row["recordings/val"]["captions"][0].endswith("noisy")
    assert sum("media/audio" in name for name in server.uploads) == 12
    assert not [
        record
        for record in caplog.records
        if record.levelname == "WARNING" and "convsweep" in record.name
    ]


def test_versions_of_a_recording_keep_their_loudness_to_each_other(tmp_path: Path) -> None:
    loud = np.float32([[2.0, -2.0, 0.0]])
    write_all([Denoised("a", loud, loud / 2, loud / 4)], 8000, tmp_path)
    peaks = [
        np.abs(wavfile.read(tmp_path / f"0_{version}.wav")[1]).max()
        for version in ("noisy", "denoised", "clean")
    ]
    assert peaks == pytest.approx([32767, 16384, 8192], abs=1)


def test_a_tone_is_loud_at_its_pitch_and_silence_is_drawn(tmp_path: Path) -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(4000) / 8000, dtype=np.float32)[None]
    spectrum = decibels(tone)[:, 20:-20]
    assert (spectrum.argmax(axis=0) == 32).all()  # 1000 Hz of 8000 Hz in 256 positions
    silence = np.zeros((1, 50), np.float32)
    draw_spectrograms([Denoised("silence", silence, silence, silence)], 8000).savefig(
        tmp_path / "drawn.png"
    )
