"""A Gaussian process of values at points of a space after some of their steps."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize
from scipy.spatial.distance import cdist

Array = NDArray[np.float64]

_ROOT = math.sqrt(5)
_JITTER = 1e-6
# Normal priors of the logarithms of: variance of what all steps share, variance of what they do
# not, time over which a curve changes, variance of a linear trend, variance of the noise.
_PRIOR_MEANS = np.array([-0.7, -1.5, -0.5, -0.5, -2.5])
_LENGTH_DEVIATION = math.sqrt(3)
_FIRST_FIT, _NEXT_FITS = 40, 12  # steps of the optimiser
# The constants lie within so many standard deviations of their prior.
_BOUND = 4.0


class GaussianProcess:
    """Values at points x after a share t of their steps, with the covariance

    M(x, x') (a + b exp(-|t - t'| / c)) + d t t', and noise,

    where M is Matérn's of order 5/2 with a length for each parameter (a sum over learning curves as
    in Swersky et al., "Freeze-thaw Bayesian optimization", 2014, in simple form). Its constants are
    those of greatest posterior probability. The lengths' prior is that of Hvarfner et al., "Vanilla
    Bayesian optimization performs great in high dimensions", ICML 2024: the more parameters, the
    longer.

    Args:
        columns: For each column of the points the index of its parameter; columns of a parameter
            have one length.
    """

    def __init__(self, columns: Sequence[int]) -> None:
        self._starts = [columns.index(index) for index in sorted(set(columns))]
        number = len(self._starts)
        initial = math.log(max(number, 1)) / 2
        self._means = np.concatenate([np.full(number, math.sqrt(2) + initial), _PRIOR_MEANS, [0.0]])
        self._deviations = np.ones(number + 6)
        self._deviations[:number] = _LENGTH_DEVIATION
        self._constants = self._means.copy()
        self._constants[:number] = initial
        self._is_fitted = False

    def fit(self, x: Array, t: Array, y: Array) -> None:
        """Fit the constants, beginning with those of the last fit, and take in the values.

        Args:
            x: (N, F) points.
            t: (N,) shares of their steps.
            y: (N,) values, some 1 wide.
        """
        squares, times = self._squares(x, x), np.abs(t[:, None] - t)
        found = optimize.minimize(
            self._loss,
            self._constants,
            (squares, times, np.outer(t, t), y),
            method="L-BFGS-B",
            jac=True,
            bounds=optimize.Bounds(
                self._means - _BOUND * self._deviations, self._means + _BOUND * self._deviations
            ),
            options={"maxiter": _NEXT_FITS if self._is_fitted else _FIRST_FIT},
        )
        self._constants, self._is_fitted = found.x, True
        self.take(x, t, y)

    def take(self, x: Array, t: Array, y: Array) -> None:
        """Take in values without a fit of the constants."""
        self._x, self._t = x, t
        covariance = self._covariance(x, t)
        covariance[np.diag_indices_from(covariance)] += math.exp(self._constants[-2]) + _JITTER
        self._factor = linalg.cho_factor(covariance, lower=True)
        self._weights = linalg.cho_solve(self._factor, y - self._constants[-1])

    def predict(self, x: Array, t: Array) -> tuple[Array, Array]:
        """Return means and standard deviations, without noise, of the values at points."""
        a, b, _, d = np.exp(self._constants[len(self._starts) : -2])
        shared = self._covariance(x, t)
        left = linalg.solve_triangular(self._factor[0], shared.T, lower=True)
        variance = a + b + d * t**2 - (left**2).sum(0)
        return shared @ self._weights + self._constants[-1], np.sqrt(np.maximum(variance, 1e-9))

    def _covariance(self, x: Array, t: Array) -> Array:
        """Return (N, M): the covariance of the values at points with those taken in."""
        number = len(self._starts)
        a, b, c, d = np.exp(self._constants[number:-2])
        weights = np.exp(-2 * self._constants[:number])
        distance = np.sqrt(np.tensordot(weights, self._squares(x, self._x), 1))
        curves = a + b * np.exp(-np.abs(t[:, None] - self._t) / c)
        return np.asarray(_matern(distance) * curves + d * np.outer(t, self._t))

    def _squares(self, x: Array, others: Array) -> Array:
        """Return (P, N, M) the squares of the distances in each parameter."""
        ends = [*self._starts[1:], x.shape[1]]
        return np.stack(
            [
                cdist(x[:, start:end], others[:, start:end], "sqeuclidean")
                for start, end in zip(self._starts, ends, strict=True)
            ]
        )

    def _loss(
        self, constants: Array, squares: Array, times: Array, products: Array, y: Array
    ) -> tuple[float, Array]:
        """Return the negative logarithm of the posterior density, and its gradient."""
        number = len(self._starts)
        a, b, c, d, noise = np.exp(constants[number:-1])
        weights = np.exp(-2 * constants[:number])
        distance = np.sqrt(np.tensordot(weights, squares, 1))
        matern, fading = _matern(distance), np.exp(-times / c)
        curves = a + b * fading
        covariance = matern * curves + d * products
        covariance[np.diag_indices_from(covariance)] += noise + _JITTER
        off = (constants - self._means) / self._deviations
        factor = linalg.cho_factor(covariance, lower=True)
        rest = y - constants[-1]
        solved = linalg.cho_solve(factor, rest)
        loss = rest @ solved / 2 + np.log(np.diag(factor[0])).sum() + off @ off / 2
        pull = linalg.cho_solve(factor, np.eye(len(y))) - np.outer(solved, solved)
        slope = 5 / 3 * (1 + _ROOT * distance) * np.exp(-_ROOT * distance)
        by_length = np.tensordot(squares, pull * curves * slope, 2) * weights
        of_curves = pull * matern
        others = [
            a * of_curves.sum(),
            b * (of_curves * fading).sum(),
            b / c * (of_curves * fading * times).sum(),
            d * (pull * products).sum(),
            noise * np.trace(pull),
        ]
        gradient = np.concatenate([by_length / 2, np.array(others) / 2, [-solved.sum()]])
        return float(loss), gradient + off / self._deviations


def _matern(distance: Array) -> Any:
    """Return Matérn's covariance of order 5/2 at distances, 1 at 0."""
    return (1 + _ROOT * distance + 5 / 3 * distance**2) * np.exp(-_ROOT * distance)
