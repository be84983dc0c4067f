"""A composed config is answered before any of its network exists: what it costs, or why it cannot
be trained.
"""

from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig
from torch import Tensor, nn

from convsweep.cli.hydra_version import main_options
from convsweep.errors import InfeasibleError, UserError
from convsweep.explain.inspect import config_folder
from convsweep.training import build, feasibility


def composed(*overrides: str) -> DictConfig:
    with initialize_config_dir(str(config_folder()), **main_options()):
        return compose("config", overrides=["name=test", *overrides])


def shaped(
    *overrides: str, in_shape: tuple[int, ...] = (3, 32, 32), num_classes: int = 10
) -> DictConfig:
    """Return a config whose data has stated its shape already."""
    shape = [
        f"shape.in_shape={list(in_shape)}",
        f"shape.in_channels={in_shape[0]}",
        f"shape.num_classes={num_classes}",
    ]
    return composed(*shape, *overrides)


def net_of(kind: type[nn.Module]) -> list[str]:
    """Return the overrides that make a class of this file the network."""
    return ["~model.net", f"+model.net={{_target_: {__name__}.{kind.__name__}}}"]


def test_default_config_costs_what_its_network_does() -> None:
    cfg = composed()
    known = feasibility.check(cfg)
    net = build.build_net(cfg)
    assert known["params"] == sum(param.numel() for param in net.parameters())
    assert known["in_shape"] == [1, 8, 8] == list(cfg.shape.in_shape)
    assert known["num_classes"] == 10
    assert known["receptive_field"] == [16, 16]
    assert str(known["summary"]).startswith("ConvNet: ")
    plain: set[type[Any]] = {type(value) for value in known.values()}
    assert plain <= {int, list, str}


def test_a_limit_that_there_is_not_is_named() -> None:
    with pytest.raises(UserError, match="budget has no limit 'max_mac'; did you mean 'max_macs'"):
        feasibility.check(shaped("+budget.max_mac=3"))


def test_random_numbers_are_left_as_they_were() -> None:
    before = torch.get_rng_state()
    feasibility.check(shaped("model/net=resnet18"))
    feasibility.check(shaped(*net_of(BuiltByValues)))
    assert torch.equal(torch.get_rng_state(), before)


def test_memory_follows_batch_size_and_optimizer() -> None:
    def memory(*overrides: str) -> int:
        return int(feasibility.check(shaped(*overrides))["memory"])

    adam, params = memory("data.batch_size=8"), feasibility.check(shaped())["params"]
    assert memory("data.batch_size=16") - adam == pytest.approx(
        (memory("data.batch_size=24") - adam) / 2
    )
    assert adam - memory("data.batch_size=8", "optimizer=sgd") == 4 * params
    assert (
        memory("data.batch_size=8", "optimizer=sgd")
        - memory("data.batch_size=8", "optimizer=sgd", "optimizer.momentum=0")
        == 4 * params
    )


@pytest.mark.parametrize(
    ("overrides", "rule"),
    [
        (
            ["budget.max_params=10k"],
            r"budget\.max_params=10k is exceeded: the net has .* widths of about",
        ),
        (["budget.max_macs=1M"], r"budget\.max_macs=1M is exceeded"),
        (["budget.max_memory=20MiB", "data.batch_size=256"], r"data\.batch_size=\d+ would fit"),
        (
            ["budget.min_receptive_field=1000"],
            r"budget\.min_receptive_field=1000 is missed: .* sees \d+",
        ),
        (
            ["model/net=convnet", "model.net.num_stages=7"],
            r"stage \d of 7 cannot be built: .*use num_stages=",
        ),
        (
            ["model/net=unet_small"],
            r"must return 10 numbers a sample.* returns 10x32x32; use model=segmentation",
        ),
        (
            ["model=segmentation", "model/net=lenet5"],
            r"10 numbers a position.* returns 10; use model=classification",
        ),
        (
            ["model=segmentation", "model.net.num_classes=3"],
            r"10 numbers a position, at most 10x32x32, .* returns 3x32x32",
        ),
        (
            ["model.net.num_classes=3"],
            r"10 numbers a sample.* returns 3; set the net's num_classes",
        ),
        (
            ["model/net=lenet5", "data.initial_scale=0.5", "trainer.max_epochs=2"],
            r"data.initial_scale=0.5 trains on samples of 16x16 too, but .* global pool",
        ),
        (
            ["model.compile=default", "data.initial_scale=0.5", "data.size_multiple=1"],
            r"can be trained on 6 smaller sizes .*; set a larger data.size_multiple",
        ),
    ],
)
def test_infeasible(overrides: list[str], rule: str) -> None:
    with pytest.raises(InfeasibleError, match=rule) as caught:
        feasibility.check(shaped(*overrides))
    assert caught.value.kind == "infeasible"


def test_valid_unet_may_return_less_than_its_input() -> None:
    cfg = shaped(
        "model=segmentation", "model.net.padding=valid", "model.net.depth=2", in_shape=(3, 60, 60)
    )
    assert feasibility.check(cfg)["params"] > 0


def test_data_that_is_not_there_is_not_downloaded(tmp_path: Path) -> None:
    known = feasibility.check(
        composed("data=cifar10", f"data.root={tmp_path}", "model/net=resnet18")
    )
    assert known["in_shape"] == [3, 32, 32]
    assert not list(tmp_path.iterdir())


def test_model_of_another_task_than_the_data() -> None:
    with pytest.raises(
        UserError,
        match=r"model is for segmentation, but the data is for classification; use model=class",
    ):
        feasibility.check(composed("model=segmentation"))


class Refusing(nn.Module):
    """A constructor of somebody else's that refuses a number."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 10, 3, groups=4)


class Failing(nn.Module):
    """A network of somebody else's that is built and cannot run."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(5, 10, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x).mean((2, 3))


class BuiltByValues(nn.Module):
    """A constructor that looks at values, which the meta device has none of."""

    def __init__(self) -> None:
        super().__init__()
        width = int(torch.linspace(2, 8, 4)[-1].item())
        self.body = nn.Sequential(
            nn.Conv2d(3, width, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


class RunsByValues(nn.Module):
    """A network that looks at values when it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x.mean((2, 3))) * float(x.max() > 0)


def test_constructor_that_refuses() -> None:
    with pytest.raises(
        InfeasibleError,
        match=r"cannot be built: .*divisible by groups; change the options of model\.net",
    ):
        feasibility.check(shaped(*net_of(Refusing)))


def test_layer_that_fails_is_named() -> None:
    with pytest.raises(InfeasibleError, match=r"layer body\.1 \(Conv2d\) cannot take 4x30x30"):
        feasibility.check(shaped(*net_of(Failing)))


def test_constructor_that_looks_at_values_is_built_for_real() -> None:
    assert feasibility.check(shaped(*net_of(BuiltByValues)))["params"] == 8 * 28 + 90


def test_network_that_looks_at_values_is_trained_unmeasured_but_for_a_budget() -> None:
    known = feasibility.check(shaped(*net_of(RunsByValues), "budget.max_params=100"))
    assert (known["params"], known["macs"], known["memory"]) == (40, None, None)
    assert "cannot be measured without data" in known["summary"]
    with pytest.raises(InfeasibleError, match=r"budget\.max_params=30 is exceeded"):
        feasibility.check(shaped(*net_of(RunsByValues), "budget.max_params=30"))
    with pytest.raises(UserError, match=r"leave out budget\.max_macs"):
        feasibility.check(shaped(*net_of(RunsByValues), "budget.max_macs=1G"))


def test_unknown_option_stays_a_mistake_of_the_user() -> None:
    with pytest.raises(UserError, match="num_stagez") as caught:
        feasibility.check(shaped("+model.net.num_stagez=3"))
    assert caught.value.kind == "error"


# The others are of the same layers; test_published_presets.py compares their costs, and
# test_net_presets.py builds all.
@pytest.mark.parametrize(
    "name",
    [
        *("alexnet", "auto", "cnn_small", "convnext_1d", "dilated_1d", "fcn_1d", "lenet5", "mlp"),
        *("mobilenet_1d", "resnet18_preact_32px", "resnext_32px", "smp", "timm", "torchvision"),
        *("unet_3d_small", "unet_attention", "unet_convnext", "unet_paper", "unet_resnet18"),
    ],
)
def test_a_network_of_each_kind_of_layers_is_measured(name: str) -> None:
    if name in ("timm", "smp"):
        pytest.importorskip({"timm": "timm", "smp": "segmentation_models_pytorch"}[name])
    segments = name.startswith(("unet", "smp"))
    in_shape = (
        (1, 572, 572)
        if name == "unet_paper"
        else (1, 32, 32)
        if name == "lenet5"
        else (3, 224, 224)
    )
    task = "denoising" if name == "dilated_1d" else "segmentation" if segments else "classification"
    cfg = shaped(
        f"model={task}",
        f"model/net={name}",
        in_shape=(10, 256) if task == "denoising" else in_shape,
    )
    known = feasibility.check(cfg)
    assert known["params"] > 0
    assert known["macs"] > 0
