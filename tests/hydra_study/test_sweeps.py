"""Every file in conf/sweeps/ is a space whose random points compose."""

import random
import re
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from omegaconf import OmegaConf

from hydra_study.objectives import parse_objectives
from hydra_study.space.grammar import parse_parameters
from hydra_study.space.space import Space

ROOT = Path(__file__).parents[2]
SWEEPS = sorted((ROOT / "conf" / "sweeps").glob("*.yaml"))


@pytest.mark.parametrize("path", SWEEPS, ids=[path.stem for path in SWEEPS])
def test_a_sweep_composes_at_random_points(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert lines[:2] == ["# @package _global_", f"# convsweep train -m sweeps={path.stem}"]
    GlobalHydra.instance().clear()
    Plugins.instance()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        choice = f"sweeps={path.stem}"
        config = compose("config", overrides=[choice], return_hydra_config=True)
        assert config.hydra.runtime.choices["hydra/sweeper"] == "study"
        options = config.hydra.sweeper
        loader = GlobalHydra.instance().config_loader()
        space = Space(parse_parameters(OmegaConf.to_container(options.params), [], loader))
        direction = options.direction
        parse_objectives(
            direction if isinstance(direction, str) else OmegaConf.to_container(direction),
            options.prune_on,
        )
        assert options.study_name.startswith(path.stem)
        assert config.test is False, "a search does not look at the test split"
        generator = random.Random(0)
        for _ in range(3):
            point = space.random(generator)
            trial = compose("config", overrides=[choice, *point.overrides])
            for text in point.overrides:
                key, _, value = text.partition("=")
                if re.fullmatch(r"-?\d+", value):
                    assert OmegaConf.select(trial, key) == int(value)


def test_the_six_questions_are_there() -> None:
    asked = {
        "depth_kernel",
        "stride_or_pool",
        "skip_norm",
        "unet_up_skip",
        "accuracy_macs",
        "everything",
    }
    assert asked <= {path.stem for path in SWEEPS}
