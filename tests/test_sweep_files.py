"""The spaces for signals and volumes: they begin at the networks that they name, few points are
refused, and they run.
"""

import json
import random
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from omegaconf import DictConfig, OmegaConf

from convsweep.cli.hydra_version import main_options
from convsweep.errors import InfeasibleError
from convsweep.training import build, feasibility
from hydra_study.space.grammar import parse_parameters
from hydra_study.space.space import Point, Space
from hydra_study.trials.changes import fixed_config
from hydra_study.trials.retry import fixed_params
from hydra_study.trials.starting_points import enqueue
from tests.conftest import NO_PICTURES, Train

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[1]
# Sweep -> a sample's shape and the number of classes, of the embedded data where there is some.
SHAPES = {
    "denoise_unet": ((1, 2048), 1),
    "unet_or_dilated": ((1, 2048), 1),
    "series_kernel_dilation": ((1, 128), 3),
    "volumes_depth_kernel": ((1, 32, 32, 32), 4),
    "volumes_unet": ((1, 32, 32, 32), 5),
}


def composed(sweep: str | None, *overrides: str) -> DictConfig:
    """Return a config whose data has stated its shape already."""
    in_shape, num_classes = SHAPES[sweep or "denoise_unet"]
    shape = [
        f"shape.in_shape={list(in_shape)}",
        f"shape.in_channels={in_shape[0]}",
        f"shape.num_classes={num_classes}",
    ]
    chosen = [] if sweep is None else [f"sweeps={sweep}"]
    GlobalHydra.instance().clear()
    Plugins.instance()
    with initialize_config_dir(str(ROOT / "conf"), **main_options()):
        return compose(
            "config", overrides=[*shape, "name=test", *chosen, *overrides], return_hydra_config=True
        )


@lru_cache
def space_of(sweep: str) -> tuple[Space, list[Point]]:
    """Return a sweep's space and its starting points."""
    config = composed(sweep)
    params: Any = OmegaConf.to_container(config.hydra.sweeper.params)
    study: Any = optuna.create_study()
    with initialize_config_dir(str(ROOT / "conf"), **main_options()):
        loader = GlobalHydra.instance().config_loader()
        space = Space(parse_parameters(params, [], loader))
        context = SimpleNamespace(config_loader=loader)
        recipe: Any = SimpleNamespace(
            options=config.hydra.sweeper, hydra_context=context, config=config
        )
        enqueue(study, space, recipe)
    starts = [fixed_params(trial) for trial in study.get_trials()]
    points = [space.at(start) for start in starts]
    assert [point.values for point in points] == starts, (
        "a starting point states all of its parameters"
    )
    return space, points


@pytest.mark.parametrize(
    ("sweep", "start", "preset"),
    [
        ("denoise_unet", 0, "model/net=unet_1d"),
        ("unet_or_dilated", 0, "model/net=unet_1d"),
        ("unet_or_dilated", 1, "model/net=dilated_1d"),
        ("series_kernel_dilation", 0, "model/net=fcn_1d"),
        ("series_kernel_dilation", 1, "model/net=resnet_1d"),
        ("volumes_depth_kernel", 0, "experiment=cnn_volumes"),
        ("volumes_unet", 0, "model/net=unet_3d_small"),
    ],
)
def test_a_sweep_begins_at_the_networks_that_it_names(sweep: str, start: int, preset: str) -> None:
    _, starts = space_of(sweep)
    net = build.build_net(composed(sweep, *starts[start].overrides))
    assert repr(net) == repr(build.build_net(composed(sweep, preset)))


@pytest.mark.parametrize("sweep", SHAPES)
def test_few_points_are_refused_and_only_for_their_size(sweep: str) -> None:
    space, starts = space_of(sweep)
    for start in starts:
        assert feasibility.check(composed(sweep, *start.overrides))["params"] > 0
    generator, refused = random.Random(0), []
    for _ in range(4):
        try:
            feasibility.check(composed(sweep, *space.random(generator).overrides))
        except InfeasibleError as error:
            refused.append(str(error))
    assert len(refused) <= 2
    assert all(reason.startswith("budget.max_params") for reason in refused), refused


@pytest.mark.parametrize(
    ("sweep", "data"),
    [
        ("denoise_unet", "audio_folder"),
        ("unet_or_dilated", "audio_folder"),
        ("series_kernel_dilation", "mnist1d"),
        ("volumes_depth_kernel", "arrays"),
        ("volumes_unet", "nifti_folder"),
    ],
)
def test_data_of_the_users_own_is_asked_for_nothing_that_it_does_not_know(
    sweep: str, data: str
) -> None:
    assert set(composed(sweep, f"data={data}").data) == set(composed(None, f"data={data}").data)


SIGNALS = ["data.length=64", "data.num_train=32", "data.num_val=8", "data.num_test=8"]
VOLUMES = ["data.volume_size=16", "data.num_train=16", "data.num_val=8", "data.num_test=8"]
SMALL = {
    "denoise_unet": SIGNALS,
    "unet_or_dilated": SIGNALS,
    "series_kernel_dilation": ["data.dataset=Toy", "data.root=series"],
    "volumes_depth_kernel": VOLUMES,
    "volumes_unet": VOLUMES,
}


@pytest.fixture
def series(tmp_path: Path) -> None:
    """A small data set of time series."""
    (tmp_path / "series").mkdir()
    x = np.random.default_rng(0).normal(size=(40, 32)).astype(np.float32)
    y = np.arange(40) % 2
    np.savez(tmp_path / "series" / "Toy.npz", X_train=x, y_train=y, X_test=x, y_test=y)


@pytest.mark.usefixtures("series")
@pytest.mark.parametrize("sweep", SMALL)
def test_the_network_that_a_sweep_begins_at_trains(sweep: str, train: Train) -> None:
    _, starts = space_of(sweep)
    options = ["logger=none", "trainer=cpu", "trainer.max_epochs=1", "data.batch_size=8"]
    options += NO_PICTURES
    overrides = [f"sweeps={sweep}", *starts[0].overrides, *SMALL[sweep], *options]
    folder = train(*overrides, quick=False)
    assert json.loads((folder / "result.json").read_text())["outcome"] == "complete"


def test_what_changes_no_result_may_differ_between_the_starts_of_a_study() -> None:
    change = [
        "data.num_workers=3",
        "num_threads=2",
        "test=false",
        "trainer.accelerator=gpu",
        "trainer.log_every_n_steps=7",
    ]
    change += ["trainer.enable_model_summary=true", "trainer.profiler=simple"]

    def fixed(*more: str) -> dict[str, Any]:
        config = composed("denoise_unet", *more)
        options = config.hydra.sweeper
        task = OmegaConf.masked_copy(config, [key for key in config if key != "hydra"])
        return fixed_config(task, [*options.ignore, *options.may_change])

    assert fixed() == fixed(*change)
    assert fixed() != fixed("trainer.max_epochs=3")
