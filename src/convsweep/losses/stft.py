"""The multi-resolution STFT loss: a distance between spectrograms (Yamamoto et al. 2020)."""

from collections.abc import Sequence

import torch
from torch import Tensor

# Length of the Fourier transform, hop length and window length, in samples.
Resolution = tuple[int, int, int]

# The resolutions of Parallel WaveGAN, for recordings at 24 kHz.
PAPER: tuple[Resolution, ...] = ((512, 50, 240), (1024, 120, 600), (2048, 240, 1200))

# The gradient of a square root is infinite at 0.
SMALLEST_POWER = 1e-7


def magnitudes(signals: Tensor, resolution: Resolution) -> Tensor:
    """Return the magnitudes of a short-time Fourier transform, with zero padding at the borders.

    Shape:
        signals: (N, T) -> (N, frequencies, windows)
    """
    size, hop, length = resolution
    window = torch.hann_window(length, device=signals.device)
    spectrum = torch.stft(
        signals, size, hop, length, window, center=True, pad_mode="constant", return_complex=True
    )
    power: Tensor = spectrum.real.square() + spectrum.imag.square()
    return power.clamp_min(SMALLEST_POWER).sqrt()


def stft_loss(
    predicted: Tensor, target: Tensor, resolutions: Sequence[Resolution] = PAPER
) -> Tensor:
    """Return the spectral convergence plus the distance of the logarithmic magnitudes, mean over
    resolutions (eq. 4 to 6).

    Args:
        predicted, target: (N, C, T), with an amplitude of about 1: magnitudes below 0.0003 count as
            silence.
    """
    total = predicted.new_zeros((), dtype=torch.float32)
    for resolution in resolutions:
        ours, theirs = (
            magnitudes(signals.float().flatten(0, 1), resolution) for signals in (predicted, target)
        )
        convergence = torch.linalg.vector_norm(theirs - ours) / torch.linalg.vector_norm(theirs)
        total = total + convergence + (theirs.log() - ours.log()).abs().mean()
    return total / len(resolutions)
