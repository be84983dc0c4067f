"""Weights in torchvision's form: from torch's cache, a file and an address; other channels and
classes.
"""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from torch import nn
from torchvision import models

from convsweep.errors import UserError
from convsweep.models.base import Model
from convsweep.nets import ConvNet, UNet
from convsweep.training.published_weights import adapt_channels, published_weights
from convsweep.training.warm_start import begin_with
from tests.training.test_warm_start import untrained

NET = "mobilenet_v3_small"
FEW_SCENES = ("data=scenes", "data.num_train=2", "data.num_val=2", "data.num_test=2")


def color_model(folder: Path, *overrides: str) -> Model:
    """Return a model of byte pictures with three channels and three classes."""
    x = np.random.default_rng(0).integers(0, 256, (12, 3, 32, 32)).astype(np.uint8)
    np.savez(folder / "x.npz", x=x, y=np.arange(12) % 3)
    return untrained(
        "data=arrays", f"data.path={folder / 'x.npz'}", f"model/net={NET}", *overrides
    ).eval()


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    """torchvision's network with drawn weights, which lie where torch caches what it downloads."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    net = models.get_model(NET)
    url = models.get_model_weights(NET).DEFAULT.url
    cache = tmp_path / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    torch.save(net.state_dict(), cache / url.rpartition("/")[2])
    return net.eval()


def test_imagenet_fills_all_but_the_last_layer_and_brings_its_normalisation(
    published: nn.Module, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = color_model(tmp_path)
    drawn = model.net.head[-1].weight.clone()
    begin_with(model, "imagenet")
    said = " ".join(capsys.readouterr().out.split())
    assert "208 of 210 weights and statistics from MobileNet_V3_Small_Weights" in said
    assert "random: the last layer, for 3 classes" in said
    torch.testing.assert_close(model.net.head[-1].weight, drawn)
    x = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    wanted = models.get_model_weights(NET).DEFAULT.transforms()
    prepared = (x / 255 - torch.tensor(wanted.mean).view(3, 1, 1)) / torch.tensor(wanted.std).view(
        3, 1, 1
    )
    features = nn.Sequential(published.features, published.avgpool, nn.Flatten())
    ours = nn.Sequential(model.normalize, model.net.stem, model.net.stages, model.net.head[:3])
    with torch.no_grad():
        torch.testing.assert_close(ours(x), features(prepared), rtol=1e-3, atol=1e-5)


def test_grey_pictures_get_the_answers_of_three_equal_channels(published: nn.Module) -> None:
    model = untrained(f"model/net={NET}").eval()
    begin_with(model, "imagenet")
    assert model.normalize.mean.item() == pytest.approx(255 * np.mean([0.485, 0.456, 0.406]))
    x = torch.randn(2, 1, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(
            nn.Sequential(model.net.stem, model.net.stages)(x),
            published.features[:-1](x.expand(-1, 3, -1, -1)),
            rtol=1e-3,
            atol=1e-5,
        )


def test_encoder_of_a_unet_takes_the_weights_without_the_head(
    published: nn.Module, capsys: pytest.CaptureFixture[str]
) -> None:
    encoder = f"+model/net@model.net.encoder={NET}"
    model = untrained("model=segmentation", "model/net=unet", encoder, *FEW_SCENES).eval()
    begin_with(model, "imagenet")
    said = " ".join(capsys.readouterr().out.split())
    assert "weights and statistics of the encoder from MobileNet_V3_Small_Weights" in said
    assert "random: the decoder" in said
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(
            nn.Sequential(*model.net.encoder_in_order())(x),
            published.features[:-1](x),
            rtol=1e-3,
            atol=1e-5,
        )


def test_unet_of_its_own_encoder_is_told_which_has_weights() -> None:
    with pytest.raises(UserError, match="choose model/net=unet_resnet18, or"):
        published_weights(UNet((1, 8, 8), 2, depth=1, width=4))


def test_channels_in_turn_keep_the_sum_of_the_weights() -> None:
    weight = torch.randn(4, 3, 3, 3)
    adapted = adapt_channels(weight, 6)
    torch.testing.assert_close(adapted.sum(1), weight.sum(1))
    assert torch.equal(adapted[:, 3], weight[:, 0] / 2)


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """The address of a file server on loopback for a folder."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_file_and_an_address_of_a_state_dict_fill_the_network(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    theirs = models.get_model(NET, num_classes=3).state_dict()
    torch.save(theirs, tmp_path / "three.pth")
    for named in (str(tmp_path / "three.pth"), f"{address}/three.pth"):
        model = color_model(tmp_path)
        begin_with(model, named)
        torch.testing.assert_close(model.net.head[-1].weight, theirs["classifier.3.weight"])


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("imagenet", r"init_from=imagenet cannot be read: .*; name a file with a state dict"),
        ("missing.pth", r"init_from=missing.pth cannot be read: .*No such file"),
        ("list.pth", "init_from=list.pth must hold a state dict: tensors by name"),
        ("other.pth", r"init_from=other.pth does not fit model.net: weights must hold 210 tensors"),
    ],
)
def test_weights_that_cannot_be_had_are_refused(
    named: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("torch.hub.download_url_to_file", no_network)
    torch.save([1, 2], "list.pth")
    torch.save(nn.Linear(2, 2).state_dict(), "other.pth")
    model = color_model(tmp_path)
    with pytest.raises(UserError, match=message):
        begin_with(model, named)


def no_network(*args: object, **kwargs: object) -> None:
    raise URLError("no network")


def test_a_network_that_torchvision_has_not_is_named_with_what_has_weights() -> None:
    with pytest.raises(UserError, match=r"none has [\d,]+ parameters .*choose a preset such as"):
        published_weights(ConvNet((1, 8, 8), 10, width=4))
    assert "resnet101" in str(
        published_weights(
            untrained("model/net=resnet50", "model.net.num_blocks=[3,4,23,3]").net
        ).url
    )
