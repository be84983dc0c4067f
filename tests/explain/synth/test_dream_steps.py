"""Steps of a dream are as long in any parameterisation."""

import pytest
import torch

from convsweep.explain.synth.components.parameterization import Fourier, Pixels, Whitened
from convsweep.explain.synth.methods.dream import move
from convsweep.explain.synth.subject import SynthSubject


@pytest.mark.parametrize("kind", [Pixels, Whitened, Fourier])
def test_a_step_changes_the_image_by_its_length(kind: type, subject: SynthSubject) -> None:
    torch.manual_seed(0)
    image = kind(0.1 * torch.randn(1, 1, 32, 32), subject)
    u = image.image()
    gradients = torch.autograd.grad((u * torch.randn_like(u)).sum(), list(image.parameters()))
    before = u.detach().clone()
    move(image, gradients, before, 0.02)
    assert float((image.image() - before).detach().abs().mean()) == pytest.approx(0.02, rel=0.01)


def test_no_gradient_is_no_step(subject: SynthSubject) -> None:
    image = Pixels(torch.zeros(1, 1, 4, 4), subject)
    move(image, [torch.zeros(1, 1, 4, 4)], torch.zeros(1, 1, 4, 4), 0.02)
    assert float(image.image().detach().abs().max()) == 0
