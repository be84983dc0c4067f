"""Outputs of lower levels count half as much as those above, in training alone."""

from unittest.mock import Mock

import pytest
import torch
from tests.training.test_warm_start import untrained
from torch.nn import functional as F

from convsweep.losses.deep_supervision import deep_loss

DEEP = ("model/net=unet_small", "model.net.width=2", "model.net.deep_supervision=2")


def test_weights_are_halved_and_sum_to_one() -> None:
    losses = [torch.tensor(value) for value in (1.0, 10.0, 100.0)]
    assert deep_loss(losses).item() == pytest.approx((4 * 1 + 2 * 10 + 100) / 7)
    assert deep_loss(losses[:1]) is losses[0]


def test_segmentation_is_trained_by_all_outputs_and_evaluated_by_the_first() -> None:
    model = untrained("model=segmentation", "data=scenes", "data.num_train=4", *DEEP)
    x, y = torch.rand(2, 3, 16, 16), torch.randint(0, 11, (2, 16, 16))
    model.trainer = Mock(world_size=1)
    first, second, third = (F.cross_entropy(each, y) for each in model(x).split(11, dim=1))
    wanted = (4 * first + 2 * second + third) / 7
    torch.testing.assert_close(model.training_step((x, y), 0), wanted)
    assert model.eval()(x).shape == (2, 11, 16, 16)


@pytest.mark.parametrize("predicts", ["signal", "noise"])
def test_denoiser_scales_every_output(predicts: str) -> None:
    model = untrained("model=denoising", "data=signals", f"model.predicts={predicts}", *DEEP)
    x = torch.randn(2, 1, 64)
    given = model.run(x / model.level_of(x))
    wanted = given if predicts == "signal" else x / model.level_of(x) - given
    torch.testing.assert_close(model(x), model.level_of(x) * wanted)
