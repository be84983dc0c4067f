"""Every model config states every key of its class, with its default, and nothing else."""

import inspect
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import get_class

from convsweep.cli.hydra_version import main_options
from convsweep.models.base import Model

CONF = Path(__file__).parents[2] / "conf"
# What a config does not state: the program hands it in.
OF_THE_PROGRAM = {
    "self",
    "shared",
    "net",
    "info",
    "mean",
    "std",
    "class_counts",
    "target_mean",
    "target_std",
    "optimizer",
    "schedule",
    "metadata",
}


def arguments(source: Any) -> dict[str, Any]:
    """Return the arguments of a constructor that a config states, with their defaults."""
    found = inspect.signature(source.__init__).parameters
    return {
        name: argument.default for name, argument in found.items() if name not in OF_THE_PROGRAM
    }


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONF / "model").glob("*.yaml")))
def test_keys_are_the_arguments(name: str) -> None:
    with initialize_config_dir(str(CONF), **main_options()):
        config = compose("config", [f"model={name}"]).model
    expected = {**arguments(Model), **arguments(get_class(str(config._target_)))}
    assert {str(key) for key in config} - {"_target_", "net"} == set(expected)
    for key in expected.keys() - {"monitor", "monitor_mode"}:
        stated = [tuple(one) for one in config[key]] if key == "stft_resolutions" else config[key]
        assert (list(expected[key]) if key == "stft_resolutions" else expected[key]) == stated, key
