"""The YAML of a network states every option with the default that the code has: nothing missing,
nothing else.
"""

import inspect
from dataclasses import asdict
from typing import Any

import pytest
from net_configs import CONF
from omegaconf import OmegaConf

from convsweep.nets.convnet_plan import Head, Stem, plan_convnet
from convsweep.nets.convnet_stage import Stage
from convsweep.nets.unet_plan import UNetOptions

FROM_DATA = {"_target_", "in_shape", "num_classes"}
# Set for Hydra alone.
OF_HYDRA = {"_recursive_"}


def stated(name: str) -> dict[str, Any]:
    """Return a network's options as its YAML states them."""
    options = OmegaConf.to_container(OmegaConf.load(CONF / "model" / "net" / f"{name}.yaml"))
    assert options.keys() >= FROM_DATA
    return {key: value for key, value in options.items() if key not in FROM_DATA | OF_HYDRA}


def test_unet_states_every_default() -> None:
    assert stated("unet") == asdict(UNetOptions())


def test_convnet_states_every_default() -> None:
    own = {
        name: parameter.default
        for name, parameter in inspect.signature(plan_convnet).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and name not in ("stages", "stem", "head")
    }
    head = {**asdict(Head()), "hidden": []}
    assert stated("convnet") == {
        **own,
        **asdict(Stage()),
        "stages": {},
        "stem": asdict(Stem()),
        "head": head,
    }


@pytest.mark.parametrize("part", [Stage, Head, UNetOptions])
def test_docstring_names_every_option(part: type) -> None:
    missing = [name for name in asdict(part()) if name not in part.__doc__]
    assert missing == []
