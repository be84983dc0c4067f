"""Checks that run before torch is imported."""

from importlib import import_module
from pkgutil import iter_modules

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from convsweep.cli.command_line import config_folder
from convsweep.data import sources
from convsweep.data.sources import OWN_FILES, TASKS
from convsweep.errors import UserError
from convsweep.metrics.direction import HIGHER, LOWER, better_mode
from convsweep.metrics.label_scores import label_score_names
from convsweep.metrics.number_errors import error_names
from convsweep.metrics.overlap import overlap_names
from convsweep.metrics.signal_ratios import NAMES
from convsweep.nets.convnet_plan import plan_convnet
from convsweep.nets.unet_plan import plan_unet
from convsweep.training.early_checks import check_direction, check_options, plan_of
from convsweep.training.quick_checks import check_groups, check_machine


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


@pytest.mark.parametrize(
    ("config", "answer"),
    [
        ({"model": {"net": "resnet18"}}, "model/net=resnet18"),
        ({"data": {"augment": "flip"}}, "data/augment=flip"),
    ],
)
def test_a_word_for_a_group_is_answered_by_the_choice_of_an_option(
    config: dict, answer: str
) -> None:
    with pytest.raises(UserError, match=answer):
        check_groups(OmegaConf.create(config))


@pytest.mark.parametrize(
    ("config", "answer"),
    [
        (
            ["model=denoising", "data=image_folder", "data.root=."],
            "data for denoising: audio_folder, signals, arrays",
        ),
        (
            ["model=classification", "data=audio_folder", "data.root=."],
            "data for classification: cifar10, cifar100, digits, fashion_mnist, image_folder,",
        ),
        (["data=mask_folder", "data.root=."], "use model=segmentation"),
        (["data=image_folder", "data.root=no/such"], "holds no no"),
        (["+model.net.pretrained=true"], "init_from=imagenet"),
        (["trainer=mps"], "trainer=auto takes"),
    ],
)
def test_what_the_machine_lacks_is_answered_before_torch_is_imported(
    config: list[str], answer: str
) -> None:
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        cfg = compose("config", config)
    for check in (check_options, check_machine):
        try:
            check(cfg)
        except UserError as error:
            assert answer in str(error)  # noqa: PT017
            return
    pytest.fail("it is not answered")


def test_the_table_of_data_sets_says_what_their_classes_do() -> None:
    for name, key in OWN_FILES.items():
        module = import_module(f"convsweep.data.sources.{name}")
        found = [each for each in vars(module).values() if getattr(each, "own_files", None)]
        assert {each.own_files for each in found} == {key}, name
    assert set(TASKS) | set(OWN_FILES) <= {name for _, name, _ in iter_modules(sources.__path__)}


@pytest.mark.parametrize(
    ("metric", "mode"),
    [
        ("val/mae", "min"),
        ("val/rmse/height", "min"),
        ("train/loss", "min"),
        ("val/iou/loss", "max"),
        ("val/threshold/cat", None),
        ("val/own", None),
    ],
)
def test_errors_are_better_when_lower(metric: str, mode: str | None) -> None:
    assert better_mode(metric) == mode


def test_every_metric_of_ours_has_a_direction() -> None:
    names = [
        *("loss", "accuracy", "f1", "top5", "calibration_error"),
        *label_score_names(["a", "b"]),
        *error_names(["a", "b"]),
        *overlap_names(["a", "b"]),
        *NAMES,
    ]
    assert [name for name in names if better_mode(f"val/{name}") is None] == []
    assert {name.partition("/")[0] for name in names} == {*LOWER, *HIGHER}


@pytest.mark.parametrize(
    ("overrides", "answer"),
    [
        (["model=regression", "model.monitor=val/mae"], "but is max; set model.monitor_mode=min"),
        (["model.monitor_mode=min"], "higher, but is min; set model.monitor_mode=max"),
        (["monitor.mode=min"], "set monitor.mode=max"),
        (["monitor.metric=val/loss"], "set model.monitor_mode=min"),
    ],
)
def test_the_worst_value_of_a_metric_chooses_nothing(overrides: list[str], answer: str) -> None:
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        cfg = compose("config", overrides=overrides)
        wanted = compose("config", overrides=["monitor.metric=val/own", "monitor.mode=min"])
    with pytest.raises(UserError, match=answer):
        check_direction(cfg)
    check_direction(wanted)
