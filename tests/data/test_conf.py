"""Every data config composes, lists every key of its class, and builds it."""

import inspect
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import get_class, instantiate
from omegaconf import OmegaConf

from convsweep.cli.hydra_version import main_options
from convsweep.data.datamodule import DataModule
from convsweep.data.options import LoadingOptions

CONF = Path(__file__).parents[2] / "conf"
NAMES = sorted(file.stem for file in (CONF / "data").glob("*.yaml"))
AUGMENTS = sorted(file.stem for file in (CONF / "data" / "augment").glob("*.yaml"))


def data_config(*overrides: str) -> dict[str, object]:
    with initialize_config_dir(str(CONF), **main_options()):
        config = compose(
            overrides=[
                "+seed=7",
                *(
                    f"+{override}" if override.startswith("data=") else override
                    for override in overrides
                ),
            ]
        )
    return config.data  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", NAMES)
def test_keys_are_the_arguments(name: str) -> None:
    config = data_config(f"data={name}")
    source = get_class(str(config["_target_"]))
    own = set(inspect.signature(source.__init__).parameters) - {"self", "loading"}
    assert set(map(str, config)) - {"_target_", "_convert_"} == own | set(
        LoadingOptions.__annotations__
    )
    for key in own:
        default = inspect.signature(source.__init__).parameters[key].default
        if default is not inspect.Parameter.empty and name not in ("oxford_pet",):
            assert config[key] == default, key


@pytest.mark.parametrize("name", NAMES)
def test_it_builds(name: str, tmp_path: Path) -> None:
    config = data_config(f"data={name}")
    for key in ("root", "path", "dataset"):
        if OmegaConf.is_missing(config, key):
            config[key] = str(tmp_path)
    if name in ("mask_folder", "nifti_folder"):
        config["num_classes"] = 2
    data = instantiate(config)
    assert isinstance(data, DataModule)
    assert data.loading["seed"] == 7


@pytest.mark.parametrize("name", AUGMENTS)
def test_augmentations_fit_images_of_32_pixels(name: str) -> None:
    config = data_config(
        "data=scenes",
        f"data/augment={name}",
        "data.image_size=32",
        "data.num_train=4",
        "data.num_val=1",
        "data.num_test=1",
    )
    instantiate(config).setup()
