"""Every file of conf/ composes, and what it names can be built."""

import inspect
import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf, open_dict

from convsweep.cli.hydra_version import main_options
from convsweep.cli.override_quotes import quote_values

ROOT = Path(__file__).parents[1]
CONF = ROOT / "conf"
EXTRAS = {"model/net=timm": "timm", "model/net=smp": "segmentation_models_pytorch"}
# Each sets keys of all groups, or chooses for other groups.
ALONE = {"experiment", "debug"}
NOT_CHOSEN = {".", "data/loading", "model/shared", "hydra"}
# Groups of synth.yaml.
OF_SYNTH = {"method", "parameterization"}


def choices() -> list[str]:
    """Return every file of conf/ as the override that chooses it."""
    files = sorted(path.relative_to(CONF).with_suffix("") for path in CONF.rglob("*.yaml"))
    left_out = NOT_CHOSEN | OF_SYNTH
    return [
        f"{path.parent.as_posix()}={path.name}"
        for path in files
        if path.parent.as_posix() not in left_out
    ]


def combinations() -> list[list[str]]:
    """Return the choices with one of each group in a config, since composing takes the time; first
    those of a group, last those of a group within it, which another choice may lack.
    """
    groups: dict[str, list[str]] = {}
    for choice in choices():
        groups.setdefault(choice.partition("=")[0], []).append(choice)
    alone = [[choice] for group in sorted(ALONE) for choice in groups.pop(group)]
    together: list[list[str]] = [[] for _ in range(max(map(len, groups.values())))]
    for group, found in groups.items():
        first = len(together) - len(found) if "/" in group else 0
        for number, choice in enumerate(found, first):
            together[number].append(choice)
    return [*alone, *together]


def composed(*overrides: str, primary: str = "config") -> DictConfig:
    """Return the config that train.py, or another program, would get."""
    with initialize_config_dir(str(CONF), **main_options()):
        cfg = compose(
            primary, overrides=[*overrides, "hydra.run.dir=somewhere"], return_hydra_config=True
        )
        cfg.hydra.runtime.output_dir = "somewhere"
        HydraConfig.instance().set_config(cfg)
        return cfg


def targets(node: object) -> set[str]:
    """Return all import paths a config names."""
    container = OmegaConf.to_container(node, resolve=False) if OmegaConf.is_config(node) else node
    if isinstance(container, dict):
        own = {container["_target_"]} if isinstance(container.get("_target_"), str) else set()
        return own.union(*(targets(value) for value in container.values()))
    return (
        set().union(*(targets(value) for value in container))
        if isinstance(container, list)
        else set()
    )


def shown() -> list[str]:
    """Return the overrides of every `convsweep train` that its help and the README show and that
    needs nothing of a user's.
    """
    text = (
        str(OmegaConf.load(CONF / "config.yaml").hydra.help.header)
        + (ROOT / "README.md").read_text()
    )
    commands = re.findall(
        r"^ *(?:uv run )?(?:convsweep train|train\.py) +([^#|\n]*[^#|\n ])", text, re.M
    )
    return [
        command
        for command in commands
        if not re.search(r"--|resume=|=mine|hydra/sweeper=", command)
    ]


@pytest.mark.parametrize("command", shown())
def test_the_commands_that_are_shown_compose(command: str) -> None:
    assert composed(*quote_values([word for word in shlex.split(command) if word != "-m"]))


def test_commands_are_shown() -> None:
    assert len(shown()) > 10


def test_every_choice_is_in_one_combination() -> None:
    assert sorted(choice for chosen in combinations() for choice in chosen) == sorted(choices())


@pytest.mark.parametrize("chosen", combinations(), ids=" ".join)
def test_every_choice_composes_and_names_what_exists(chosen: list[str]) -> None:
    cfg = composed(*(choice for choice in chosen if find_spec(EXTRAS.get(choice, "convsweep"))))
    cfg.shape = {"in_shape": [3, 32, 32], "in_channels": 3, "num_classes": 10}
    for name in cfg.data:
        if OmegaConf.is_missing(cfg.data, name):
            cfg.data[name] = "somewhere"
    with open_dict(cfg):
        del cfg["hydra"]
    OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    for target in targets(cfg):
        get_object(target)


@pytest.mark.parametrize(
    "path", [path for group in sorted(OF_SYNTH) for path in sorted((CONF / group).glob("*.yaml"))]
)
def test_every_choice_of_synth_composes_and_states_the_defaults_of_what_it_names(
    path: Path,
) -> None:
    cfg = composed(f"{path.parent.name}={path.stem}", primary="synth")[path.parent.name]
    defaults = inspect.signature(get_object(cfg._target_)).parameters
    options = OmegaConf.to_container(cfg)
    assert isinstance(options, dict)
    stated = {
        str(name): value for name, value in options.items() if name != "_target_" and value != "???"
    }
    assert stated == {name: defaults[name].default for name in stated}


@pytest.mark.parametrize(
    "path", sorted((CONF / "experiment").glob("*.yaml")), ids=lambda path: path.stem
)
def test_experiments_open_with_their_command(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert lines[0] == "# @package _global_"
    assert re.search(rf"# (uv run )?convsweep train.*experiment={path.stem}", lines[1]), lines[1]


@pytest.mark.parametrize(
    ("overrides", "name"),
    [((), "convnet_digits"), (("model/net=lenet5",), "lenet5_digits")],
)
def test_a_run_is_named_after_its_network(overrides: tuple[str, ...], name: str) -> None:
    assert composed(*overrides).name == name


def test_every_config_file_says_what_it_is() -> None:
    for path in CONF.rglob("*.yaml"):
        assert path.read_text().startswith("# "), path
