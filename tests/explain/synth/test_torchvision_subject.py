"""torchvision's classifiers with weights from a file: whatever torchvision saves, and whatever
number of classes.
"""

from pathlib import Path

import pytest
import torch
from torchvision import models

from convsweep.errors import UserError
from convsweep.explain.synth.layers import layers_of
from convsweep.explain.synth.torchvision_subject import current_name, from_torchvision


def saved(net: torch.nn.Module, file: Path) -> str:
    torch.save(net.state_dict(), file)
    return str(file)


def test_weights_of_any_number_of_classes_are_those_of_the_file(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = models.squeezenet1_1(num_classes=7).eval()
    subject = from_torchvision("squeezenet1_1", saved(net, tmp_path / "weights.pth"), "cpu")
    assert subject.class_names == tuple("0123456")
    u = torch.randn(1, 3, 64, 64)
    torch.testing.assert_close(subject.logits(u), net(u), atol=1e-4, rtol=1e-4)


def test_published_weights_of_googlenet_bring_auxiliary_classifiers_and_a_normalisation(
    tmp_path: Path,
) -> None:
    torch.manual_seed(0)
    net = models.googlenet(init_weights=False, aux_logits=True, transform_input=True).eval()
    subject = from_torchvision("googlenet", saved(net, tmp_path / "weights.pth"), "cpu")
    assert subject.class_names[1] == "goldfish"
    u = torch.randn(1, 3, 64, 64)
    torch.testing.assert_close(subject.logits(u), net(u), atol=1e-4, rtol=1e-4)


def test_old_names_of_densenets_are_understood() -> None:
    old = "features.denseblock1.denselayer2.norm.1.running_mean"
    assert current_name(old) == "features.denseblock1.denselayer2.norm1.running_mean"
    assert current_name("layer1.0.conv1.weight") == "layer1.0.conv1.weight"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"fc.bias": torch.zeros(4)}, "Missing key"),
        ([torch.zeros(4)], "save net.state_dict"),
        ({"steps": torch.tensor(3)}, "does not end with a classifier"),
    ],
)
def test_what_does_not_fit_is_said(content: object, message: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "weights.pth")
    with pytest.raises(UserError, match=message):
        from_torchvision("resnet18", str(tmp_path / "weights.pth"), "cpu")


def test_a_module_that_runs_twice_is_listed_once() -> None:
    names = [layer.name for layer in layers_of(from_torchvision("resnet18", None, "cpu"))]
    assert len(names) == len(set(names))
