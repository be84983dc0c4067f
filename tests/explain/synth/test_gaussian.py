"""The Gaussian prior with the data's covariance: its density, its samples, its coordinates, and
where its data comes from.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch
from torch import Tensor

from convsweep.errors import UserError
from convsweep.explain.synth.components.gaussian import Gaussian, fit_gaussian, white
from convsweep.explain.synth.components.parameterization import Whitened
from convsweep.explain.synth.components.training_gaussian import gaussian_of, training_samples
from convsweep.explain.synth.components.transforms import noisy
from convsweep.explain.synth.subject import SynthSubject
from convsweep.training.trained import Trained

from .conftest import drawn_subject

SIZES = [(2, 9), (1, 4, 5), (1, 2, 3, 4)]


def drawn_samples(shape: tuple[int, ...], count: int = 400) -> Tensor:
    """Return samples (N, C, *) whose values are correlated."""
    generator = torch.Generator().manual_seed(0)
    size = int(torch.tensor(shape).prod())
    mixing = torch.eye(size) + 0.4 * torch.randn(size, size, generator=generator) / size**0.5
    return (
        torch.randn(count, size, generator=generator) @ mixing + torch.arange(size) / size
    ).view(count, *shape)


def dense(samples: Tensor, shrinkage: float) -> Tensor:
    """Return the shrunk covariance matrix as its definition says."""
    covariance = torch.cov(samples.flatten(1).T.double(), correction=0)
    size = len(covariance)
    return (1 - shrinkage) * covariance + shrinkage * covariance.trace() / size * torch.eye(size)


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("count", [400, 7])
def test_density_and_its_gradient_are_those_of_the_covariance(
    shape: tuple[int, ...], count: int
) -> None:
    """With fewer samples (7) than values, too, where the covariance is worked out from their
    products.
    """
    samples = drawn_samples(shape, count)
    gaussian = fit_gaussian(samples, shrinkage=0.1)
    u = drawn_samples(shape, 3).mul(2).requires_grad_()
    density = gaussian.log_density(u)
    apart = (u.detach() - samples.mean(0)).flatten(1).double()
    solved = torch.linalg.solve(dense(samples, 0.1), apart.T).T
    torch.testing.assert_close(density.double(), -(apart * solved).sum(1) / 2, rtol=1e-3, atol=1e-3)
    (gradient,) = torch.autograd.grad(density.sum(), u)
    torch.testing.assert_close(gradient.flatten(1).double(), -solved, rtol=1e-3, atol=1e-3)


def test_samples_have_mean_and_covariance_of_the_data() -> None:
    data = drawn_samples((1, 2, 3))
    drawn = fit_gaussian(data, shrinkage=0.0).color(
        torch.randn(100_000, 1, 2, 3, generator=torch.Generator().manual_seed(1))
    )
    torch.testing.assert_close(drawn.mean(0), data.mean(0), atol=0.03, rtol=0)
    torch.testing.assert_close(
        torch.cov(drawn.flatten(1).T), torch.cov(data.flatten(1).T, correction=0), atol=0.05, rtol=0
    )


@pytest.mark.parametrize("shape", SIZES)
def test_whitened_data_is_uncorrelated_and_comes_back(shape: tuple[int, ...]) -> None:
    data = drawn_samples(shape)
    gaussian = fit_gaussian(data, shrinkage=1e-4)
    z = gaussian.whiten(data)
    torch.testing.assert_close(
        torch.cov(z.flatten(1).T, correction=0), torch.eye(z[0].numel()), atol=1e-2, rtol=0
    )
    torch.testing.assert_close(gaussian.color(z), data, atol=1e-3, rtol=1e-3)


def test_a_white_gaussian_is_the_squared_length_at_any_size() -> None:
    u = torch.tensor([[[[0.0, 1.0], [3.0, 1.0]]]])
    assert float(white().log_density(u)) == pytest.approx(-(1 + 9 + 1) / 2)
    assert torch.equal(white().color(u), u)
    assert torch.equal(white().whiten(torch.ones(2, 3, 5)), torch.ones(2, 3, 5))


def of_data(gaussian: Gaussian, shape: tuple[int, ...]) -> SynthSubject:
    """Return a network whose data has this distribution."""
    subject = drawn_subject(shape)
    return SynthSubject(
        subject.net,
        subject.normalize,
        subject.in_shape,
        subject.class_names,
        subject.task,
        subject.limits,
        lambda _: gaussian,
    )


def test_a_step_in_whitened_coordinates_is_one_multiplied_by_the_covariance() -> None:
    """x <- x + step C grad: gradient ascent preconditioned by the covariance."""
    data = drawn_samples((1, 4, 4))
    gaussian = fit_gaussian(data, shrinkage=0.1)
    image = Whitened(data[:1], of_data(gaussian, (1, 4, 4)))
    direction = torch.randn(1, 1, 4, 4, generator=torch.Generator().manual_seed(2))
    (image.image() * direction).sum().backward()
    with torch.no_grad():
        assert image.coordinates.grad is not None
        image.coordinates += 0.1 * image.coordinates.grad
    expected = data[:1].flatten().double() + 0.1 * dense(data, 0.1) @ direction.flatten().double()
    torch.testing.assert_close(
        image.image().detach().flatten().double(), expected, atol=1e-4, rtol=1e-4
    )


def test_noise_has_the_covariance_times_the_square_of_its_size() -> None:
    data = drawn_samples((1, 2, 2))
    noise = noisy(
        torch.zeros(50_000, 1, 2, 2), 0.5, fit_gaussian(data, 0.0), torch.Generator().manual_seed(0)
    )
    torch.testing.assert_close(
        torch.cov(noise.flatten(1).T),
        0.25 * torch.cov(data.flatten(1).T, correction=0),
        atol=0.02,
        rtol=0,
    )


def test_another_size_than_that_of_the_data_is_told() -> None:
    with pytest.raises(
        UserError,
        match=r"covariance=data is that of samples of \(4, 4\), but these are of \(8, 8\)",
    ):
        fit_gaussian(drawn_samples((1, 4, 4))).log_density(torch.zeros(1, 1, 8, 8))


@pytest.fixture
def trained(tmp_path: Path) -> Trained:
    """Return a network for small arrays that lie in a file, as `load_trained` would."""
    rng = np.random.default_rng(0)
    np.savez(
        tmp_path / "train.npz",
        x=rng.integers(0, 256, (40, 1, 4, 4), dtype=np.uint8),
        y=np.arange(40) % 2,
    )
    data = {"_target_": "convsweep.data.sources.arrays.Arrays", "path": str(tmp_path / "train.npz")}
    return cast(Trained, SimpleNamespace(data=data, info=SimpleNamespace(in_shape=(1, 4, 4))))


def test_the_data_of_the_training_gives_the_covariance_and_where_it_is_gone_white_is_used(
    trained: Trained,
) -> None:
    subject = drawn_subject((1, 4, 4))
    raw = training_samples(trained)
    gaussian = gaussian_of(subject, trained, "data", None)
    torch.testing.assert_close(gaussian.mean[0], subject.units(raw).mean(0))
    assert gaussian_of(subject, trained, "auto", [4, 4]).basis is not None
    assert gaussian_of(subject, trained, "auto", 8).basis is None
    assert gaussian_of(subject, trained, "white", None).basis is None
    trained.data["path"] = "gone.npz"
    assert gaussian_of(subject, trained, "auto", None).basis is None
    with pytest.raises(
        UserError,
        match=r"covariance=data needs the data of the training.*gone\.npz.*covariance=white",
    ):
        gaussian_of(subject, trained, "data", None)
