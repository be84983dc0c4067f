"""Gaussian prior of samples: white, or with the covariance of the data."""

from dataclasses import dataclass

import torch
from torch import Tensor

from convsweep.errors import UserError

# Lower limit of the variances as a share of their mean, since few samples underestimate small
# variances.
SHRINKAGE = 1e-3


@dataclass(frozen=True)
class Gaussian:
    """A normal distribution of samples, in the units of `SynthSubject`.

    Its covariance is C = basis diag(variances) basis' + floor (1 - basis basis').

    Attributes:
        mean: (1, C, *spatial), or a scalar for any size.
        basis: (D, K) orthonormal directions whose variance differs from `floor`; None: no such
            directions.
        variances: (K,) along them.
        floor: variance in all other directions.
    """

    mean: Tensor
    basis: Tensor | None = None
    variances: Tensor | None = None
    floor: float = 1.0

    def log_density(self, u: Tensor) -> Tensor:
        """Return log p (N,) up to a constant: -(u - mean)' C^-1 (u - mean) / 2."""
        return -self.whiten(u).square().flatten(1).sum(1) / 2

    def whiten(self, u: Tensor) -> Tensor:
        """Return C^-1/2 (u - mean), which is standard normal if u follows this distribution."""
        self.check(u)
        return self.times_power(u - self.mean, -0.5)

    def color(self, z: Tensor) -> Tensor:
        """Return mean + C^1/2 z, the inverse of `whiten`."""
        return self.mean + self.correlate(z)

    def correlate(self, z: Tensor) -> Tensor:
        """Return C^1/2 z: noise with the covariance of samples."""
        self.check(z)
        return self.times_power(z, 0.5)

    def times_power(self, u: Tensor, power: float) -> Tensor:
        """Return C^power u (N, C, *spatial)."""
        if self.basis is None or self.variances is None:
            return u * float(self.floor**power)
        rows = u.flatten(1)
        rest = float(self.floor**power)
        along = (rows @ self.basis) * (self.variances.pow(power) - rest)
        return (rows * rest + along @ self.basis.T).view_as(u)

    def check(self, u: Tensor) -> None:
        """Check the size of samples.

        Raises:
            UserError: the covariance is for samples of another size.
        """
        if self.basis is not None and u.shape[1:] != self.mean.shape[1:]:
            raise UserError(
                f"covariance=data is that of samples of {tuple(self.mean.shape[2:])}, but these are"
                f" of {tuple(u.shape[2:])}; leave out size and octaves, or use covariance=white"
            )


def white() -> Gaussian:
    """Return the distribution of independent standard normal values, for any size."""
    return Gaussian(torch.zeros(()))


def fit_gaussian(samples: Tensor, shrinkage: float = SHRINKAGE) -> Gaussian:
    """Return the normal distribution of samples, its covariance shrunk towards equal variances
    (Ledoit & Wolf 2004).

    C = (1 - shrinkage) S + shrinkage trace(S) / D, with the covariance S of the samples of D
    values.

    Shape:
        samples: (N, C, *spatial)
    """
    rows = samples.flatten(1).double().cpu()
    count, size = rows.shape
    mean = rows.mean(0)
    rows = rows - mean
    floor = shrinkage * float(rows.square().sum()) / count / size
    if size <= count:
        variances, basis = torch.linalg.eigh(rows.T @ rows / count)
    else:
        variances, sides = torch.linalg.eigh(rows @ rows.T / count)
        kept = variances > 1e-9 * variances[-1]
        variances, sides = variances[kept], sides[:, kept]
        basis = rows.T @ sides / (variances * count).sqrt()
    variances = (1 - shrinkage) * variances.clamp_min(0) + floor
    place = samples.device
    return Gaussian(
        mean.view(1, *samples.shape[1:]).float().to(place),
        basis.float().to(place),
        variances.float().to(place),
        floor,
    )
