"""A denoiser passes silence, hears no loudness, knows its losses' zeros, and its ratios are
torchmetrics' own.
"""

import math
from typing import Any

import pytest
import torch
from tiny import fit
from torch import Tensor, nn
from torchmetrics.audio import ScaleInvariantSignalNoiseRatio, SignalNoiseRatio

from convsweep.data.samples import DataInfo
from convsweep.errors import InfeasibleError, UserError
from convsweep.losses.stft import PAPER, stft_loss
from convsweep.metrics.signal_ratios import SignalRatios
from convsweep.nets import ConvNet, UNet
from convsweep.tasks.denoising import Denoising, DenoisingTask

STACK: dict[str, Any] = {
    "num_stages": 3,
    "width": 8,
    "width_growth": 1.0,
    "dilation": [1, 2, 4],
    "downsample": "none",
    "head": {"output": "position"},
}


def denoiser(net: nn.Module | None = None, channels: int = 1, **options: Any) -> Denoising:
    info = DataInfo(
        (channels, 256),
        channels,
        tuple(f"c{i}" for i in range(channels)),
        "denoising",
        sample_rate_hz=8000,
    )
    net = net or UNet(info.in_shape, channels, depth=2, width=4, kernel_size=5)
    spread = {
        "mean": torch.zeros(channels),
        "std": torch.full((channels,), 0.1),
        "class_counts": torch.ones(channels),
    }
    return Denoising(net=net, info=info, **spread | options)


def tones(count: int = 16, length: int = 256) -> Tensor:
    hz = torch.linspace(0.01, 0.05, count).view(-1, 1, 1)
    return 0.1 * torch.sin(
        2 * torch.pi * hz * torch.arange(length) + torch.linspace(0, 6, count).view(-1, 1, 1)
    )


@pytest.mark.parametrize("net", [None, ConvNet((1, 256), 1, **STACK)], ids=["unet", "stack"])
@pytest.mark.parametrize("predicts", ["signal", "noise"])
def test_silence_stays_silent_and_is_learnt_from_without_harm(
    net: nn.Module | None, predicts: str
) -> None:
    model = denoiser(net, predicts=predicts, stft_weight=1.0)
    silence = torch.zeros(2, 1, 256)
    assert torch.equal(model(silence), silence)
    loss = model.loss(model(silence), silence + tones(2))
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())
    assert denoiser(net, normalize_by="training_split")(silence).isfinite().all()
    assert model.eval().predict_batch(silence).keys() == {"denoised"}


def test_quiet_and_loud_are_cleaned_alike() -> None:
    model, x = denoiser().eval(), tones(3)
    torch.testing.assert_close(model(x * 0.001), model(x) * 0.001)
    both = model(torch.cat([x, 10 * x]))
    torch.testing.assert_close(both[3:], 10 * both[:3])
    level = torch.full((3, 1, 1), 0.05)
    assert not torch.allclose(model(x, level), model(x))


def test_level_of_the_training_split_is_one_for_all() -> None:
    model = denoiser(nn.Identity(), normalize_by="training_split", predicts="signal")
    assert model.level_of(tones(2)).flatten().tolist() == pytest.approx([0.1, 0.1])
    torch.testing.assert_close(model(tones(2)), tones(2))


def test_noise_that_is_predicted_is_subtracted() -> None:
    class Half(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x / 2

    torch.testing.assert_close(denoiser(Half(), predicts="noise")(tones(2)), tones(2) / 2)
    torch.testing.assert_close(denoiser(Half())(tones(2)), tones(2) / 2)
    assert torch.equal(denoiser(nn.Identity(), predicts="noise")(tones(2)), torch.zeros(2, 1, 256))


@pytest.mark.parametrize(("waveform_loss", "expected"), [("l1", 3.0), ("l2", 9.0), ("none", 0.0)])
def test_loss_is_counted_in_units_of_the_spread_and_zero_on_equal_signals(
    waveform_loss: str, expected: float
) -> None:
    model = denoiser(waveform_loss=waveform_loss, stft_weight=0.5)
    assert float(model.loss(tones(), tones())) == 0
    # 0.3 is three times the spread of 0.1
    offset, silence = (torch.full((1, 1, 256), 0.3), torch.zeros(1, 1, 256))
    expected += 0.5 * float(stft_loss(offset * 10, silence))
    assert float(model.loss(offset, silence)) == pytest.approx(expected, rel=1e-5)


def test_stft_loss_of_a_doubled_signal_is_one_plus_the_logarithm_of_two() -> None:
    noise = torch.randn(2, 1, 8192)
    assert float(stft_loss(2 * noise, noise)) == pytest.approx(1 + math.log(2), rel=1e-3)
    assert float(stft_loss(noise, noise)) == 0
    assert stft_loss(
        noise[..., :100], torch.zeros(2, 1, 100)
    ).isfinite()  # shorter than a window, and silent


def test_stft_loss_hears_a_moved_phase_less_than_another_pitch() -> None:
    time = torch.arange(8192) / 24000
    tone, moved, higher = (
        torch.sin(2 * torch.pi * hz * time + phase).view(1, 1, -1)
        for hz, phase in ((440, 0), (440, 2), (880, 0))
    )
    assert stft_loss(moved, tone) < 0.3 * stft_loss(higher, tone)


def test_ratios_are_those_of_torchmetrics_and_leave_out_silence() -> None:
    clean, noisy = torch.randn(4, 2, 500), torch.randn(4, 2, 500)
    noisy, denoised = clean + noisy, clean + 0.3 * noisy
    ours = SignalRatios()
    ours.update(denoised[:3], clean[:3], noisy[:3])
    ours.update(denoised[3:], clean[3:], noisy[3:])
    scores = ours.compute()
    si_snr, snr = ScaleInvariantSignalNoiseRatio(), SignalNoiseRatio()
    torch.testing.assert_close(scores["si_snr"], si_snr(denoised, clean))
    torch.testing.assert_close(scores["snr"], snr(denoised, clean))
    torch.testing.assert_close(
        scores["si_snr_improvement"],
        si_snr(denoised, clean) - ScaleInvariantSignalNoiseRatio()(noisy, clean),
    )
    ours.update(denoised, torch.zeros_like(clean), noisy)
    torch.testing.assert_close(ours.compute(), scores)


def test_what_passes_the_input_improves_nothing() -> None:
    ratios = SignalRatios()
    noisy = tones() + 0.1 * torch.randn(16, 1, 256)
    ratios.update(denoiser(nn.Identity())(noisy), tones(), noisy)
    assert float(ratios.compute()["snr_improvement"]) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("net", [None, ConvNet((1, 256), 1, **STACK)], ids=["unet", "stack"])
def test_a_small_net_learns_to_clean_tones(net: nn.Module | None) -> None:
    model = denoiser(net, optimizer=lambda groups: torch.optim.Adam(groups, 1e-2), stft_weight=0.1)
    clean = tones(32)
    scores = fit(model, (clean + 0.07 * torch.randn(clean.shape), clean), epochs=20, batch_size=8)
    assert scores["val/si_snr_improvement"] > 6
    assert set(model.metric_names()) == {
        name for name in scores if not name.endswith(("_step", "_epoch"))
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"waveform_loss": "none"}, "a denoiser needs a loss"),
        ({"stft_weight": -1.0}, "a denoiser needs a loss|stft_weight"),
        ({"stft_resolutions": [[512, 50]]}, r"must hold \[Fourier size, hop, window\]"),
        ({"stft_resolutions": [[512, 50, 600]]}, "window <= Fourier size"),
        ({"stft_resolutions": []}, "one resolution or more"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        denoiser(**options)


def test_net_that_gives_another_size_is_refused() -> None:
    DenoisingTask().check_output((1, 256), (1, 256), 1)
    for wrong in ((1, 128), (2, 256), (10,)):
        with pytest.raises(
            InfeasibleError, match="must return a signal of the size it gets, 1x256"
        ):
            DenoisingTask().check_output(wrong, (1, 256), 1)


def test_default_resolutions_are_the_papers() -> None:
    assert sorted(PAPER) == [(512, 50, 240), (1024, 120, 600), (2048, 240, 1200)]
