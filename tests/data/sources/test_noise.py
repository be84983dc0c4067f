"""Noise has the spectrum and the loudness that its name says, and every draw comes from the
seed.
"""

import numpy as np
import pytest

from convsweep.data.sources.noise import (
    Babble,
    Recorded,
    mix,
    pink,
    power,
    scale_to_unit_power,
    white,
)
from convsweep.data.sources.noisy_signals import Mixer

SHAPE = (1, 4096)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def slope(make: object) -> float:
    """Return the exponent of f in the mean power spectrum of 200 draws."""
    draws = np.stack([make(rng(seed), SHAPE)[0] for seed in range(200)])  # type: ignore[operator]
    spectrum = np.square(np.abs(np.fft.rfft(draws))).mean(axis=0)[8:2000]
    return float(np.polyfit(np.log(np.arange(8, 2000)), np.log(spectrum), 1)[0])


def test_white_is_flat_and_pink_falls_as_one_over_f() -> None:
    assert slope(white) == pytest.approx(0, abs=0.02)
    assert slope(pink) == pytest.approx(-1, abs=0.02)


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 5.0, 20.0])
@pytest.mark.parametrize("channels", [1, 2])
def test_mixture_has_the_ratio_that_is_asked_for(snr_db: float, channels: int) -> None:
    clean = np.float32(0.1) * np.sin(
        np.linspace(0, 300, channels * 4096, dtype=np.float32)
    ).reshape(channels, -1)
    for make in (white, pink, Babble(clean[None])):
        noisy = mix(clean, make(rng(1), clean.shape), snr_db)
        assert noisy.dtype == np.float32
        assert 10 * np.log10(power(clean) / power(noisy - clean)) == pytest.approx(snr_db, abs=1e-3)


def test_silence_and_silent_noise_add_nothing() -> None:
    silence, sound = np.zeros(SHAPE, np.float32), white(rng(), SHAPE)
    assert np.array_equal(mix(silence, sound, 0.0), silence)
    assert np.array_equal(mix(sound, silence, 0.0), sound)
    assert np.array_equal(scale_to_unit_power(silence), silence)


def test_babble_is_the_sum_of_moved_voices_of_one_loudness() -> None:
    voices = np.stack([np.eye(1, 16, dtype=np.float32), 5 * np.eye(1, 16, dtype=np.float32)])
    babble = Babble(voices, num_voices=3)(rng(2), (1, 16))
    places = babble[babble > 0]
    assert 1 <= len(places) <= 3
    # one loud voice is as loud as one quiet
    assert np.allclose(places / places.min(), np.round(places / places.min()))
    assert power(babble) == pytest.approx(1)


def test_recorded_noise_is_a_piece_of_a_recording_or_one_repeated() -> None:
    long, short = np.arange(100, dtype=np.float32) + 1, np.array([1.0, -1.0], np.float32)
    piece = Recorded([long])(rng(3), (1, 10))
    assert np.allclose(np.diff(piece), np.diff(piece)[0, 0])
    assert np.array_equal(Recorded([short])(rng(), (1, 5)), [[1, -1, 1, -1, 1]])
    assert np.array_equal(Recorded([short])(rng(), (2, 2)), [[1, -1], [1, -1]])


def test_every_signal_gets_one_of_the_noises_at_a_ratio_between_the_bounds() -> None:
    clean = np.ones((300, 1, 64), np.float32)

    def alternating(draws: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        return np.resize(np.float32([1, -1]), shape)

    noisy = Mixer([white, alternating], (-3.0, 6.0))(clean, rng(4))
    added = noisy - clean
    ratios = 10 * np.log10(power(clean) / power(added))
    assert -3.01 < ratios.min() < -2
    assert 5 < ratios.max() < 6.01
    regular = np.isclose(added[:, 0, 0], -added[:, 0, 1], rtol=1e-3)
    assert 100 < regular.sum() < 200
    assert np.array_equal(noisy, Mixer([white, alternating], (-3.0, 6.0))(clean, rng(4)))
