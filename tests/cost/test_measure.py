"""Measuring leaves the network and the random numbers as they were, and says which layer fails."""

import copy

import pytest
import torch
from torch import Tensor, nn

from convsweep.cost import Budget, UntraceableError, measure, summary
from convsweep.cost.operations import operators
from convsweep.errors import InfeasibleError, UserError
from convsweep.nets import ConvNet, UNet
from convsweep.patches import patch


def test_network_is_left_as_it_was() -> None:
    net = ConvNet((1, 28, 28), 10, dropout=0.5)
    net.stages[0].eval()
    modes, state = [module.training for module in net.modules()], copy.deepcopy(net.state_dict())
    draws = torch.get_rng_state()
    measure(net, (1, 28, 28))
    assert [module.training for module in net.modules()] == modes
    assert all(torch.equal(tensor, state[name]) for name, tensor in net.state_dict().items())
    assert torch.equal(torch.get_rng_state(), draws)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())


def test_meta_device_and_real_weights_cost_the_same() -> None:
    with torch.device("meta"):
        net = UNet((3, 32, 32), 4, depth=2, width=4)
    assert measure(net, (3, 32, 32)) == measure(UNet((3, 32, 32), 4, depth=2, width=4), (3, 32, 32))


def test_layers_have_the_shapes_of_a_real_pass() -> None:
    net = ConvNet((1, 28, 28), 10)
    shapes: dict[str, tuple[int, ...]] = {}
    for name, module in net.named_modules():
        module.register_forward_hook(
            lambda module, inputs, out, name=name: shapes.update({name: tuple(out.shape[1:])})
        )
    net(torch.zeros(2, 1, 28, 28))
    measured = {
        layer.name: layer.out_shape
        for layer in measure(ConvNet((1, 28, 28), 10), (1, 28, 28)).layers
    }
    assert measured == shapes


def test_parameters_of_layers_add_up_and_shared_ones_count_once() -> None:
    net = nn.Sequential(nn.Conv2d(2, 2, 3, padding=1), nn.Conv2d(2, 2, 3, padding=1))
    net[1].weight = net[0].weight
    cost = measure(net, (2, 5, 5))
    assert [layer.params for layer in cost.layers] == [38, 2, 0]
    assert cost.params == 40


def test_failing_layer_is_named() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Sequential(nn.MaxPool2d(4), nn.Conv2d(4, 4, 5)))
    with pytest.raises(
        InfeasibleError, match=r"layer 1\.1 \(Conv2d\) cannot take 4x1x1: .*larger input than 3x8x8"
    ):
        measure(net, (3, 8, 8))


def test_net_for_other_channels_is_infeasible() -> None:
    with pytest.raises(InfeasibleError, match=r"layer 0 \(Conv2d\) cannot take 1x8x8"):
        measure(nn.Sequential(nn.Conv2d(3, 4, 3)), (1, 8, 8))


def test_batch_norm_over_one_position_passes_with_a_batch() -> None:
    assert measure(nn.Sequential(nn.Conv2d(1, 4, 8), nn.BatchNorm2d(4)), (1, 8, 8)).out_shape == (
        4,
        1,
        1,
    )


class LooksAtValues(nn.Module):
    """Goes another way for bright images."""

    def forward(self, x: Tensor) -> Tensor:
        return x if x.mean().item() > 0 else -x


def test_net_that_needs_data_says_so() -> None:
    with pytest.raises(UntraceableError, match=r"layer 0 \(LooksAtValues\) looks at values"):
        measure(nn.Sequential(LooksAtValues()), (1, 8, 8))


class NeedsStorage(nn.Module):
    """Refuses tensors without values, in words that do not say so."""

    def forward(self, x: Tensor) -> Tensor:
        if x.is_meta:
            raise RuntimeError("no kernel for this tensor")
        return x


def test_net_that_runs_on_the_cpu_is_not_refused() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), NeedsStorage())
    with pytest.raises(
        UntraceableError, match=r"layer 1 \(NeedsStorage\) looks at values: no kernel"
    ):
        measure(net, (1, 8, 8))
    with torch.device("meta"):
        weightless = nn.Sequential(nn.Conv2d(1, 2, 3), NeedsStorage())
    with pytest.raises(UntraceableError, match="no kernel"):
        measure(weightless, (1, 8, 8))


class Refuses(nn.Module):
    """Refuses any input, in words that also stand in what torch says of the meta device."""

    def forward(self, x: Tensor) -> Tensor:
        raise ValueError("the metadata is of another size")


def test_net_that_fails_on_the_cpu_too_is_infeasible_whatever_it_says() -> None:
    with pytest.raises(
        InfeasibleError, match=r"layer 0 \(Refuses\) cannot take 1x8x8: the metadata"
    ):
        measure(nn.Sequential(Refuses()), (1, 8, 8))


class Wrapped(nn.Module):
    """Returns what torchvision's segmentation nets return."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.aux = nn.Conv2d(3, 2, 1), nn.Conv2d(3, 7, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"aux": self.aux(x), "out": self.conv(x)}


def test_main_output_of_several() -> None:
    assert measure(Wrapped(), (3, 4, 4)).out_shape == (2, 4, 4)


def test_double_precision_costs_twice() -> None:
    single, double = (
        measure(net, (1, 6, 6)) for net in (nn.Conv2d(1, 2, 3), nn.Conv2d(1, 2, 3).double())
    )
    assert (double.weights, double.activations) == (2 * single.weights, 2 * single.activations)
    assert double.macs == single.macs


def test_operations_that_torch_lacks_are_left_out() -> None:
    assert operators("no_such_operation", "relu") == [torch.ops.aten.relu]


def test_without_patches_all_but_the_receptive_field_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    net = ConvNet((1, 12, 12), 10, num_stages=2)
    whole = measure(net, (1, 12, 12))
    monkeypatch.setattr(patch, "_usable", {})
    monkeypatch.setenv(patch.VARIABLE, "none")
    cost = measure(net, (1, 12, 12))
    assert (cost.macs, cost.activations, cost.out_shape) == (
        whole.macs,
        whole.activations,
        whole.out_shape,
    )
    assert [layer.macs for layer in cost.layers] == [layer.macs for layer in whole.layers]
    assert cost.receptive_field is None
    assert "receptive" not in summary(cost)
    with pytest.raises(UserError, match=r"min_receptive_field needs the patch .*; leave it out"):
        Budget(min_receptive_field=3).check(cost)


def test_summary_in_words() -> None:
    from torchvision.models import resnet18

    with torch.device("meta"):
        cost = measure(resnet18(), (3, 224, 224))
    assert summary(cost).startswith(
        "ResNet: 11.7 M parameters, 1.81 GMACs, receptive field 435, 21.2 MiB a sample"
    )
