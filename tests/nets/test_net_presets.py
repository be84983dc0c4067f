"""The presets are the published networks: parameter counts, without a weight being drawn, and
shapes.
"""

import sys

import pytest
import torch
from net_configs import CONF, num_parameters, preset
from omegaconf import OmegaConf

from convsweep.errors import MissingExtraError

IMAGENET = ((3, 224, 224), 1000)
PUBLISHED = {
    "lenet5": ((1, 32, 32), 10, 61_706),
    "alexnet": (*IMAGENET, 61_100_840),
    "vgg11": (*IMAGENET, 132_863_336),
    "vgg16": (*IMAGENET, 138_357_544),
    "resnet18": (*IMAGENET, 11_689_512),
    "resnet34": (*IMAGENET, 21_797_672),
    "resnet50": (*IMAGENET, 25_557_032),
    "resnext50_32x4d": (*IMAGENET, 25_028_904),
    "wide_resnet50_2": (*IMAGENET, 68_883_240),
    "densenet121": (*IMAGENET, 7_978_856),
    "regnet_y_400mf": (*IMAGENET, 4_344_144),
    "mobilenet_v2": (*IMAGENET, 3_504_872),
    "mobilenet_v3_small": (*IMAGENET, 2_542_856),
    "mobilenet_v3_large": (*IMAGENET, 5_483_032),
    "efficientnet_b0": (*IMAGENET, 5_288_548),
    "convnext_tiny": (*IMAGENET, 28_589_128),
    "resnet20": ((3, 32, 32), 10, 272_474),
    "densenet_bc100": ((3, 32, 32), 10, 769_186),
    "resnet18_small": ((3, 32, 32), 10, 11_173_962),
    "mnist1d_mlp": ((1, 40), 10, 15_210),
    "mnist1d_cnn": ((1, 40), 10, 5_210),
    "unet_paper": ((1, 572, 572), 2, 31_030_658),
    "unet_attention": ((1, 64, 64), 2, 32_081_990),
    "unet_resnet18": ((3, 64, 64), 2, 14_328_098),
    "unet_convnext": ((3, 64, 64), 2, 31_393_538),
    "unet_residual_3d": ((1, 40, 56, 40), 3, 25_890_211),
    "fcn_1d": ((1, 96), 2, 264_450),
    "resnet_1d": ((1, 96), 2, 502_850),
}


def target_of(name: str) -> str:
    """Return the import path that a preset states, or the preset that it starts from."""
    stated = OmegaConf.load(CONF / "model" / "net" / f"{name}.yaml")
    return str(stated._target_) if "_target_" in stated else target_of(stated.defaults[0])


PRESETS = sorted(path.stem for path in (CONF / "model" / "net").glob("*.yaml"))
# Those of the one space, which knows any number of axes.
OURS = [
    name for name in PRESETS if target_of(name) in ("convsweep.nets.ConvNet", "convsweep.nets.UNet")
]


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameter_count_is_the_published_one(name: str) -> None:
    in_shape, num_classes, count = PUBLISHED[name]
    with torch.device("meta"):
        net = preset(name, in_shape, num_classes)
    assert num_parameters(net) == count


@pytest.mark.parametrize("name", PUBLISHED)
def test_header_of_a_preset_states_its_parameter_count(name: str) -> None:
    header, _, _ = (CONF / "model" / "net" / f"{name}.yaml").read_text().partition("defaults:")
    assert f"{PUBLISHED[name][2]:,} parameters" in " ".join(header.replace("#", " ").split())


def test_resnet20_counted_by_hand() -> None:
    def conv_and_norm(c_in: int, c_out: int, kernel: int) -> int:
        return c_in * c_out * kernel**2 + 2 * c_out

    count = conv_and_norm(3, 16, 3)
    c_in = 16
    for c_out in (16, 32, 64):
        count += conv_and_norm(c_in, c_out, 3) + 5 * conv_and_norm(c_out, c_out, 3)
        count += conv_and_norm(c_in, c_out, 1) if c_in != c_out else 0
        c_in = c_out
    assert count + 64 * 10 + 10 == PUBLISHED["resnet20"][2]


def test_fcn_and_resnet_for_time_series_counted_by_hand() -> None:
    def conv_and_norm(c_in: int, c_out: int, kernel: int) -> int:
        return c_in * c_out * kernel + 2 * c_out

    fcn = conv_and_norm(1, 128, 8) + conv_and_norm(128, 256, 5) + conv_and_norm(256, 128, 3)
    assert fcn + 128 * 2 + 2 == PUBLISHED["fcn_1d"][2]
    resnet = 0
    for c_in, c_out in ((1, 64), (64, 128), (128, 128)):
        resnet += (
            conv_and_norm(c_in, c_out, 8)
            + conv_and_norm(c_out, c_out, 5)
            + conv_and_norm(c_out, c_out, 3)
        )
        resnet += conv_and_norm(c_in, c_out, 1) if c_in != c_out else 0
    assert resnet + 128 * 2 + 2 == PUBLISHED["resnet_1d"][2]


def test_unet_residual_3d_counted_by_hand() -> None:
    def conv_and_norm(c_in: int, c_out: int, kernel: int = 3) -> int:
        return c_in * c_out * kernel**3 + 2 * c_out

    count, c_in = conv_and_norm(1, 32), 32
    for c_out, blocks in ((32, 1), (64, 3), (128, 4), (256, 6)):
        count += conv_and_norm(c_in, c_out) + (2 * blocks - 1) * conv_and_norm(c_out, c_out)
        count += conv_and_norm(c_in, c_out, 1) if c_in != c_out else 0
        c_in = c_out
    for width in (128, 64, 32):  # transposed convolution with a bias, convolution
        count += 2 * width * width * 2**3 + width + conv_and_norm(2 * width, width)
    assert count + 32 * 3 + 3 == PUBLISHED["unet_residual_3d"][2]


def test_gates_counted_by_hand() -> None:
    gates = sum(
        width * (width // 2) * 2**2 + 2 * width * (width // 2) + width // 2 + width // 2 + 1
        for width in (64, 128, 256, 512)
    )
    with torch.device("meta"):
        plain = num_parameters(preset("unet", (1, 64, 64), 2))
    assert plain + gates == PUBLISHED["unet_attention"][2]


def test_unet_paper_takes_572_and_returns_388() -> None:
    with torch.device("meta"):
        net = preset("unet_paper", (1, 572, 572), 2)
        assert net(torch.empty(1, 1, 572, 572)).shape == (1, 2, 388, 388)
    assert net.out_spatial == (388, 388)


@pytest.mark.parametrize("name", OURS)
def test_every_preset_builds_in_one_axis_and_in_three(name: str) -> None:
    for dim, size in {1: 572, 3: 188}.items():  # in two: the tests of costs and logits
        with torch.device("meta"):
            net = preset(name, (2,) + (size,) * dim, 7)
            y = net(torch.empty((2, 2) + (size,) * dim))
        spatial = (
            net.out_spatial
            if name.startswith("unet")
            else (size,) * dim
            if name == "dilated_1d"
            else ()
        )
        assert y.shape == (2, 7, *spatial)


@pytest.mark.parametrize(
    "name",
    [
        *("cnn_small", "vgg_small", "resnet18_small", "resnet20", "convnet", "densenet_bc100"),
        *(name for name in OURS if name.endswith("_32px")),
    ],
)
@pytest.mark.parametrize("in_shape", [(1, 28, 28), (3, 32, 32)])
def test_small_presets_suit_small_images(name: str, in_shape: tuple[int, ...]) -> None:
    with torch.device("meta"):
        assert preset(name, in_shape)(torch.empty(2, *in_shape)).shape == (2, 10)


def test_torchvision_config_follows_the_data() -> None:
    net = preset("torchvision", (1, 64, 64), 5)
    assert net(torch.randn(2, 1, 64, 64)).shape == (2, 5)


@pytest.mark.parametrize(
    ("name", "package", "shape"),
    [("timm", "timm", (2, 5)), ("smp", "segmentation_models_pytorch", (2, 5, 64, 64))],
)
def test_config_of_an_extra_follows_the_data(
    name: str, package: str, shape: tuple[int, ...]
) -> None:
    pytest.importorskip(package)
    assert preset(name, (1, 64, 64), 5)(torch.randn(2, 1, 64, 64)).shape == shape


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [("timm", "timm", "timm"), ("smp", "segmentation_models_pytorch", "smp")],
)
def test_missing_extra_is_named_with_its_command(
    name: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        MissingExtraError, match=rf"`{package}`.*pip install 'convsweep\[{extra}\]'"
    ):
        preset(name)
