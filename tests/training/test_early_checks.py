"""Checks that run before torch is imported."""

import pytest

from convsweep.nets.convnet_plan import plan_convnet
from convsweep.nets.unet_plan import plan_unet
from convsweep.training.early_checks import plan_of


@pytest.mark.parametrize(
    ("target", "plan"),
    [
        ("convsweep.nets.ConvNet", plan_convnet),
        ("convsweep.nets.unet.UNet", plan_unet),
        ("convsweep.nets.blur.Blur", None),
        ("mlp.UNet", None),
        (None, None),
    ],
)
def test_the_plan_of_a_net_family_is_found_by_its_place(target: str | None, plan: object) -> None:
    assert plan_of(target) is plan
