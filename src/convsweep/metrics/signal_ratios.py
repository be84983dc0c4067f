"""SI-SNR and SNR of denoised signals in dB, and their improvement over the input."""

import torch
from torch import Tensor
from torchmetrics import Metric

NAMES = ("si_snr", "snr", "si_snr_improvement", "snr_improvement")


class SignalRatios(Metric):
    """Means over all channels of all samples; SI-SNR is invariant to scale (Le Roux et al. 2019).

    Channels with a silent clean signal have no ratio and are left out.

    Shape:
        update takes the denoised, the clean and the noisy signals, (N, C, *) each.
    """

    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.zeros(len(NAMES)), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, denoised: Tensor, clean: Tensor, noisy: Tensor) -> None:
        # imported here, since it imports all of scipy.signal
        from torchmetrics.functional.audio import (
            scale_invariant_signal_noise_ratio,
            signal_noise_ratio,
        )

        denoised, clean, noisy = (
            signals.float().flatten(2) for signals in (denoised, clean, noisy)
        )
        after = torch.stack(
            [
                scale_invariant_signal_noise_ratio(denoised, clean),
                signal_noise_ratio(denoised, clean),
            ]
        )
        before = torch.stack(
            [scale_invariant_signal_noise_ratio(noisy, clean), signal_noise_ratio(noisy, clean)]
        )
        counted = (clean != 0).any(dim=-1)
        ratios = torch.cat([after, after - before])
        self.total += torch.where(counted, ratios, 0.0).sum(dim=(1, 2))
        self.count += counted.sum()

    def compute(self) -> dict[str, Tensor]:
        """Return the mean of each of `NAMES`, in dB."""
        means = self.total / self.count
        return dict(zip(NAMES, means, strict=True))
