"""A config copied from a prepared one is the config that Hydra composes from the files, at points of every sweep."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import ConfigCompositionException
from omegaconf import DictConfig, OmegaConf

from hydra_plugins.study.search.grammar import parse_parameters
from hydra_plugins.study.search.prepared import Prepared
from hydra_plugins.study.search.space import Space

ROOT = Path(__file__).parents[2]
SWEEPS = sorted(path.stem for path in (ROOT / "conf" / "sweeps").glob("*.yaml"))
VALUES = [
    "model.net.width=24",
    "model.net.skip=add",
    "+model.net.stages.2.kernel_size=5",
    "optimizer.lr=0.03",
    "~trainer.max_epochs",
]


class Counting:
    """A loader that counts what it composes from files."""

    def __init__(self, loader: Any) -> None:
        self.loader, self.count = loader, 0

    def load_sweep_config(self, master: DictConfig, overrides: list[str]) -> DictConfig:
        self.count += 1
        config: DictConfig = self.loader.load_sweep_config(master, overrides)
        return config

    def get_group_options(self, name: str) -> list[str]:
        return list(self.loader.get_group_options(name))


@pytest.fixture
def loader() -> Iterator[Counting]:
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        yield Counting(GlobalHydra.instance().config_loader())


def contents(config: DictConfig) -> Any:
    return OmegaConf.to_container(config, resolve=False)


@pytest.mark.parametrize("sweep", SWEEPS)
def test_points_of_a_sweep_compose_to_the_same_config(loader: Counting, sweep: str) -> None:
    chosen = [f"sweeps={sweep}", "data.batch_size=7"]
    master = compose("config", overrides=chosen, return_hydra_config=True)
    params: Any = OmegaConf.to_container(master.hydra.sweeper.params)
    space = Space(parse_parameters(params, [], loader.loader))
    generator = random.Random(0)
    points = [[*chosen, *space.random(generator).overrides] for _ in range(4)]
    prepared = Prepared(loader, master, points[0])  # type: ignore[arg-type]
    for overrides in points:
        assert contents(prepared.composed(overrides)) == contents(loader.loader.load_sweep_config(master, overrides))


def test_values_are_composed_without_the_files_and_other_groups_from_them(loader: Counting) -> None:
    master = compose("config", overrides=[], return_hydra_config=True)
    prepared = Prepared(loader, master, ["model/net=lenet5", "model.net.width=8"])  # type: ignore[arg-type]
    for overrides, count in (
        (["model/net=convnet", *VALUES], 2),
        (["model/net=lenet5", "optimizer.lr=0.5"], 2),
        (["model.label_smoothing=0.1", "model/net=lenet5"], 2),
        (["model/net=lenet5", "seed=3", "name=other"], 2),
        (["model/net=lenet5", "scheduler=none"], 3),
        (["model/net=lenet5", "hydra.job.name=other"], 4),
    ):
        made = prepared.composed(overrides)
        assert loader.count == count
        assert contents(made) == contents(loader.loader.load_sweep_config(master, overrides))


def test_one_trial_leaves_nothing_to_the_next(loader: Counting) -> None:
    master = compose("config", overrides=[], return_hydra_config=True)
    prepared = Prepared(loader, master, VALUES)  # type: ignore[arg-type]
    first = prepared.composed(VALUES)
    first.model.net.width = 99
    assert contents(prepared.composed([])) == contents(loader.loader.load_sweep_config(master, []))


@pytest.mark.parametrize("override", ["model.net.widht=3", "optimizer.lr.x=3"])
def test_a_key_that_is_not_there_is_refused(loader: Counting, override: str) -> None:
    master = compose("config", overrides=[], return_hydra_config=True)
    prepared = Prepared(loader, master, [])  # type: ignore[arg-type]
    with pytest.raises(ConfigCompositionException):
        prepared.composed([override])
