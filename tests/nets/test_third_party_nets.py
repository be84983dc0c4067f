"""Torchvision's classifiers take the channels and classes of the data, and stay themselves
otherwise.
"""

import pytest
import torch
import torchvision
from torch import nn

from convsweep.errors import UserError
from convsweep.nets.third_party import like, torchvision_net


@pytest.mark.parametrize(
    ("name", "size", "options"),
    [
        ("resnet18", (32, 32), {}),
        ("squeezenet1_1", (64, 64), {}),
        ("mobilenet_v3_small", (32, 32), {}),
        ("densenet121", (32, 32), {"drop_rate": 0.1}),
        ("vit_b_32", (64, 64), {"image_size": 64}),
        ("r3d_18", (4, 16, 16), {}),
    ],
)
@pytest.mark.parametrize("in_channels", [1, 3])
def test_net_takes_the_channels_and_classes_of_the_data(
    name: str, size: tuple[int, ...], options: dict[str, object], in_channels: int
) -> None:
    net = torchvision_net(name, in_channels=in_channels, num_classes=7, **options)
    assert net(torch.randn(2, in_channels, *size)).shape == (2, 7)


def test_three_channels_leave_the_network_as_torchvision_draws_it() -> None:
    torch.manual_seed(1)
    net = torchvision_net("resnet18", in_channels=3, num_classes=4)
    torch.manual_seed(1)
    expected = torchvision.models.resnet18(num_classes=4)
    assert all(
        torch.equal(a, b) for a, b in zip(net.parameters(), expected.parameters(), strict=True)
    )


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_network_with_auxiliary_heads_gives_one_answer_in_training(name: str) -> None:
    with torch.device("meta"):
        net = torchvision_net(name, in_channels=3, num_classes=4, init_weights=False)
        assert net.train()(torch.empty(2, 3, 96, 96)).shape == (2, 4)


@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_1"])
def test_pretrained_network_keeps_its_weights_but_for_both_ends(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretrained = torchvision.models.get_model(name)
    before = [parameter.clone() for parameter in pretrained.parameters()]

    def downloaded(asked: str, weights: str, **options: object) -> nn.Module:
        assert (asked, weights, options) == (name, "DEFAULT", {})
        return pretrained

    monkeypatch.setattr(torchvision.models, "get_model", downloaded)
    net = torchvision_net(name, in_channels=2, num_classes=5, weights="DEFAULT")
    changed = [a.shape != b.shape for a, b in zip(before, net.parameters(), strict=True)]
    assert changed[0]
    assert changed[-1]
    kept = [
        torch.equal(a, b)
        for a, b in zip(before, net.parameters(), strict=True)
        if a.shape == b.shape
    ]
    assert sum(kept) >= len(before) - 4
    assert net(torch.randn(2, 2, 64, 64)).shape == (2, 5)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(
            4,
            6,
            (3, 5),
            stride=2,
            padding=(1, 2),
            dilation=2,
            groups=2,
            bias=False,
            padding_mode="reflect",
        ),
        nn.Conv3d(3, 6, 3, padding="same"),
        nn.Conv1d(3, 6, 3),
        nn.Linear(3, 4, bias=False),
    ],
    ids=str,
)
def test_layer_made_anew_differs_in_what_was_asked_alone(layer: nn.Module) -> None:
    assert repr(like(layer)) == repr(layer)
    if not isinstance(layer, nn.Linear):
        anew = like(layer, in_channels=8)
        assert anew.in_channels == 8
        assert repr(anew).replace("(8,", f"({layer.in_channels},", 1) == repr(layer)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("resnet81", "did you mean 'resnet1"), ("fcn_resnet50", "is not a classifier")],
)
def test_unknown_name_is_answered_with_a_near_one(name: str, hint: str) -> None:
    with pytest.raises(UserError, match=hint):
        torchvision_net(name, in_channels=3, num_classes=2)
