"""The parts that syntheses are composed of: units, limits, parameterisations, transforms, priors,
objectives.
"""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from convsweep.errors import UserError
from convsweep.explain.synth.components.gaussian import fit_gaussian
from convsweep.explain.synth.components.objectives import (
    activity,
    content_loss,
    gram,
    log_probability,
    region,
    style_loss,
)
from convsweep.explain.synth.components.parameterization import Fourier, Pixels, Whitened, auto
from convsweep.explain.synth.components.priors import log_total_variation
from convsweep.explain.synth.components.transforms import blur, jitter
from convsweep.explain.synth.fitting_size import (
    Work,
    fitting_count,
    fitting_size,
    free_bytes,
    needs,
)
from convsweep.explain.synth.layers import activations, check_layers, layers_of, spread_out
from convsweep.explain.synth.methods.class_images import ClassImages
from convsweep.explain.synth.methods.dream import Dream
from convsweep.explain.synth.subject import SynthSubject

from .conftest import drawn_subject


def test_units_are_those_of_the_training_data(subject: SynthSubject) -> None:
    raw = torch.tensor([0.0, 100.0, 150.0]).view(1, 1, 1, 3)
    assert subject.units(raw).flatten().tolist() == pytest.approx([-2.0, 0.0, 1.0])
    torch.testing.assert_close(subject.raw(subject.units(raw)), raw)


@pytest.mark.parametrize("kind", [Pixels, Whitened, Fourier])
@pytest.mark.parametrize("size", [(9,), (7, 8), (8, 7), (4, 5, 6)])
def test_a_parameterisation_begins_with_the_image_it_is_given(
    kind: type, size: tuple[int, ...]
) -> None:
    subject = drawn_subject((2, *size), net=nn.Identity())
    start = torch.rand(2, 2, *size) - 0.5
    torch.testing.assert_close(kind(start, subject).image(), start, atol=1e-5, rtol=1e-5)


def test_the_parameterisation_is_whitened_where_the_covariance_is_known_and_that_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    subject = drawn_subject((1, 4, 4))
    assert type(auto(torch.zeros(1, 1, 4, 4), subject)) is Pixels
    assert "parameterization: pixels (the prior is white)" in capsys.readouterr().out
    known = replace(subject, gaussian_of=lambda _: fit_gaussian(torch.randn(30, 1, 4, 4)))
    assert type(auto(torch.zeros(1, 1, 4, 4), known)) is Whitened
    assert "parameterization: whitened" in capsys.readouterr().out


@pytest.mark.parametrize("kind", [Pixels, Fourier])
def test_images_keep_the_limits_of_bytes(kind: type, subject: SynthSubject) -> None:
    image = kind(torch.zeros(1, 1, 12, 12), subject)
    with torch.no_grad():
        for parameter in image.parameters():
            parameter += 1000 * torch.randn_like(parameter)
    image.project()
    raw = subject.raw(image.image().detach())
    assert float(raw.min()) >= -1e-3
    assert float(raw.max()) <= 255.001


def test_a_step_in_fourier_space_moves_low_frequencies_more(subject: SynthSubject) -> None:
    image = Fourier(torch.zeros(1, 1, 12, 12), subject)
    with torch.no_grad():
        image.coefficients += 1e-3
    change = torch.fft.rfft2(image.image().detach()[0, 0]).abs()
    assert float(change[0, 1]) > 3 * float(change[0, 5]) > 0


def test_jitter_rolls_and_blur_keeps_the_mean() -> None:
    u = torch.randn(2, 3, 10, 11)
    rolled = jitter(u, 3, torch.Generator().manual_seed(0))
    assert not torch.equal(rolled, u)
    torch.testing.assert_close(rolled.flatten().sort().values, u.flatten().sort().values)
    assert jitter(u, 0, torch.Generator()) is u
    point = torch.zeros(1, 1, 21, 21)
    point[..., 10, 10] = 1
    spread = blur(point, 1.5)[0, 0]
    assert float(spread.sum()) == pytest.approx(1, abs=1e-4)
    place = torch.arange(21) - 10.0
    assert float((spread.sum(1) * place.square()).sum()) == pytest.approx(1.5**2, rel=0.05)
    torch.testing.assert_close(blur(torch.ones(1, 2, 9), 2.0), torch.ones(1, 2, 9))


def test_total_variation_of_hand_made_images() -> None:
    u = torch.tensor([[[[0.0, 1.0], [3.0, 1.0]]]])
    assert float(log_total_variation(u)) == pytest.approx(-(1 + 2 + 3 + 0))
    assert log_total_variation(torch.ones(3, 2, 5)).tolist() == [0, 0, 0]


def test_probability_of_a_class_and_of_a_class_at_a_place() -> None:
    class Planes(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([x, torch.zeros_like(x)], dim=1)

    subject = drawn_subject((1, 4, 4), 2, Planes())
    u = torch.zeros(1, 1, 4, 4)
    u[..., 0, 0] = 3.0
    classes = torch.tensor([0])
    everywhere = log_probability(subject, u, classes, None, 0.1)
    corner = log_probability(subject, u, classes, [0.0, 0.0], 0.0)
    assert float(corner) == pytest.approx(math.log(1 / (1 + math.exp(-3))), abs=1e-5)
    assert float(everywhere) == pytest.approx((float(corner) + 15 * math.log(0.5)) / 16, abs=1e-5)
    with pytest.raises(UserError, match="2 shares"):
        region((4, 4), [0.5], 0.1)


def test_gram_matrices_and_losses_by_hand() -> None:
    maps = torch.tensor([[[[1.0, 0.0]], [[2.0, 2.0]]]])
    assert gram(maps)[0].tolist() == [[0.5, 1.0], [1.0, 4.0]]
    assert float(style_loss({"a": maps}, {"a": gram(maps)})) == 0
    assert float(content_loss({"a": 2 * maps}, {"a": maps})) == pytest.approx(1)
    shuffled = maps.flip(-1)
    assert float(style_loss({"a": shuffled}, {"a": gram(maps)})) == 0
    assert float(content_loss({"a": shuffled}, {"a": maps})) > 0


def test_layers_are_listed_as_they_run_and_looked_into_without_the_head(
    subject: SynthSubject,
) -> None:
    layers = layers_of(subject)
    names = [layer.name for layer in layers]
    convs = [layer for layer in layers if layer.kind == "Conv2d"]
    assert [layer.shape for layer in convs] == [(8, 12, 12), (16, 6, 6)]
    assert spread_out(layers, 2) == [layer.name for layer in layers if layer.kind == "Tanh"]
    # of a size that the head may not take
    found = activations(subject, torch.randn(1, 1, 30, 17), [convs[0].name])
    assert found[convs[0].name].shape == (1, 8, 30, 17)
    with pytest.raises(UserError, match=r"method\.layer must name layers.*list_layers"):
        check_layers(["stages.9"], layers, "method.layer")
    assert len(set(names)) == len(names)


def test_activity_of_a_channel(subject: SynthSubject) -> None:
    layer = layers_of(subject)[1].name
    u = torch.randn(2, 1, 12, 12)
    maps = activations(subject, u, [layer])[layer]
    torch.testing.assert_close(activity(subject, u, layer, 2), maps[:, 2].mean((1, 2)))
    torch.testing.assert_close(activity(subject, u, layer, None), maps.square().mean((1, 2, 3)))
    with pytest.raises(UserError, match=r"method\.channel must be from 0"):
        activity(subject, u, layer, 99)


def test_the_size_that_fits_does_and_the_next_does_not(subject: SynthSubject) -> None:
    available = 50_000_000
    size = fitting_size(subject, available)
    assert size[0] == size[1] > 100
    assert needs(subject, size) <= 0.8 * available < needs(subject, (size[0] + 1, size[1] + 1))
    assert not any(parameter.requires_grad for parameter in subject.net.parameters())


def test_many_images_need_more_and_layers_that_do_not_run_nothing(subject: SynthSubject) -> None:
    one, weights = needs(subject, (50, 40)), needs(subject, (50, 40), Work(0))
    assert needs(subject, (50, 40), Work(7)) - weights == 7 * (one - weights)
    assert (
        fitting_count(
            subject, (50, 40), Work(), available=int((weights + 7.5 * (one - weights)) / 0.8)
        )
        == 7
    )
    first, second = (
        needs(subject, (50, 40), Work(until=[name])) for name in spread_out(layers_of(subject), 2)
    )
    assert weights < first < second <= one
    assert needs(subject, (50, 40), Work(copies=5)) - one == 5 * 4 * 50 * 40
    assert (
        max(fitting_size(subject, 50_000_000, Work(100)))
        < max(fitting_size(subject, 50_000_000)) / 5
    )


def test_a_part_of_a_network_is_measured_where_the_rest_takes_one_size_alone() -> None:
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 64, 2)
    )
    subject = drawn_subject((1, 8, 8), 2, net)
    assert needs(subject, (16, 16)) == 0
    weights = needs(subject, (8, 8), Work(0))
    own = needs(subject, (8, 8), Work(until=["1"])) - weights
    assert needs(subject, (24, 16), Work(until=["1"])) - weights == 6 * own > 0


def test_work_beyond_the_memory_of_the_cpu_is_refused_before_it_begins(
    subject: SynthSubject, tmp_path: Path
) -> None:
    """A million by a million values: no machine has them, and the system would end the program
    without a word.
    """
    from convsweep.explain.synth.context import SynthesisContext

    context = SynthesisContext(subject, tmp_path, size=1_000_000)
    with pytest.raises(
        UserError, match=r"does not suffice for an image of this size; size=\[\d+,\d+\] would fit$"
    ):
        ClassImages(steps=1).run(context)
    with pytest.raises(UserError, match=r"does not suffice for an image of this size"):
        Dream(steps=1).run(context)
    with pytest.raises(
        UserError,
        match=(
            r"for 30000000000 images at a time; \d+ would fit \(method\.count, method\.classes\)$"
        ),
    ):
        context.check_memory((12, 12), Work(30_000_000_000))
    assert 0 < free_bytes(torch.device("cpu")) < 2**50


def test_the_same_seed_gives_the_same_noise(subject: SynthSubject, tmp_path: Path) -> None:
    from convsweep.explain.synth.context import SynthesisContext

    one, same, other = (
        SynthesisContext(subject, tmp_path, seed=seed).noise(1, (4, 4), 1.0) for seed in (1, 1, 2)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
