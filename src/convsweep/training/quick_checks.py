"""Checks of groups, files, packages and devices that a config names, without importing torch."""

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from convsweep.cli.command_line import config_folder
from convsweep.data.sources import OWN_FILES, TASKS
from convsweep.errors import MissingExtraError, UserError

# Groups whose values are configs, not words.
GROUPS = ("data", "model", "optimizer", "scheduler", "trainer", "model.net", "model.loss")
SOURCES, OF_TASKS = "convsweep.data.sources.", "convsweep.tasks."
EXTRAS = {"timm": "timm", "segmentation_models_pytorch": "smp"}
# Files that a driver of a GPU makes under Linux: NVIDIA, NVIDIA Tegra, AMD, Windows' Linux.
GPU_FILES = ("nvidia*", "nvhost*", "kfd", "dxg")
PRETRAINED = ("pretrained", "pretrained_weights", "weights")


def check_groups(cfg: DictConfig) -> None:
    """Check that a group is chosen as `group/name=option`, not given a word.

    Raises:
        UserError: one is a word.
    """
    for key in (*GROUPS, "data.augment"):
        value = OmegaConf.select(cfg, key, throw_on_missing=False)
        if isinstance(value, str):
            group = key.replace(".", "/")
            raise UserError(
                f"{key} holds the options of a group, but is {value!r}; choose from the group by"
                f" {group}={value}"
            )


def check_pretrained(net: DictConfig) -> None:
    """Check that no option of one of our networks requests published weights.

    Raises:
        UserError: one does.
    """
    for name in PRETRAINED:
        if (
            name in net
            and str(net.get("_target_")).startswith("convsweep.nets.")
            and (not str(net._target_).endswith("torchvision_net"))
        ):
            raise UserError(
                f"model.net.{name} is no option of this net, whose weights are random; begin with"
                " published ones by init_from=imagenet (model/net=resnet18, resnet34, resnet50 and"
                " others of torchvision), or by model/net=torchvision model.net.weights=DEFAULT"
            )


def check_machine(cfg: DictConfig) -> None:
    """Check the files, packages and devices that a config names, and that model and data have one
    task.

    Raises:
        UserError: one is not there, or the tasks differ.
    """
    check_tasks(cfg)
    check_own_files(cfg.data)
    check_packages(cfg)
    check_accelerator(str(cfg.trainer.get("accelerator", "auto")))


def check_tasks(cfg: DictConfig) -> None:
    """Check that a model of ours suits data of ours.

    Raises:
        UserError: their tasks differ.
    """
    model, data = part_of(cfg.model, OF_TASKS), part_of(cfg.data, SOURCES)
    task = TASKS.get(data or "")
    if model is None or task is None or model == task:
        return
    modules = {name for name, suits in TASKS.items() if suits == model}
    sources = ", ".join(name for name, module in data_options().items() if module in modules)
    also = f"; data for {model}: {sources}, arrays" if sources else ""
    raise UserError(
        f"the model is for {model}, but the data is for {task}; use model={task} or other"
        f" data{also}"
    )


def data_options() -> dict[str, str | None]:
    """Return the module of each option of the group `data`; None for one of another package."""
    files = sorted((config_folder() / "data").glob("*.yaml"))
    return {file.stem: part_of(DictConfig(OmegaConf.load(file)), SOURCES) for file in files}


def part_of(config: DictConfig, package: str) -> str | None:
    """Return the name of the module below `package` whose class a config names; None if it names
    another one.
    """
    target = str(config.get("_target_", ""))
    return target.removeprefix(package).split(".")[0] if target.startswith(package) else None


def check_own_files(data: DictConfig) -> None:
    """Check that the user's own files are there.

    Raises:
        UserError: they are not.
    """
    key = OWN_FILES.get(part_of(data, SOURCES) or "")
    value = OmegaConf.select(data, key, throw_on_missing=False) if key else None
    if not isinstance(value, str) or Path(value).expanduser().exists():
        return
    place = Path(value).expanduser().absolute()
    near = next((parent for parent in place.parents if parent.exists()), place)
    missing = place.relative_to(near).parts[0]
    raise UserError(
        f"data.{key} must name your files, but {place} does not exist: {near} holds no {missing}"
    )


def check_packages(cfg: DictConfig) -> None:
    """Check that the packages of all classes that a config names are installed.

    Raises:
        UserError: one is not.
    """
    for key, target in targets(OmegaConf.to_container(cfg, resolve=False)):
        package = target.split(".")[0]
        if package in EXTRAS and find_spec(package) is None:
            raise MissingExtraError(package, EXTRAS[package], key)


def targets(node: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield the keys of configs with a `_target_`, and those."""
    if isinstance(node, dict):
        if isinstance(node.get("_target_"), str):
            yield key, node["_target_"]
        for name, value in node.items():
            yield from targets(value, f"{key}.{name}" if key else str(name))


def check_accelerator(accelerator: str) -> None:
    """Check that the machine has a GPU where one is wanted.

    Raises:
        UserError: it has none, as far as its drivers say.
    """
    is_mac, is_linux = sys.platform == "darwin", sys.platform.startswith("linux")
    is_missing = (accelerator == "mps" and not is_mac) or (
        accelerator in ("gpu", "cuda")
        and is_linux
        and not any(any(Path("/dev").glob(pattern)) for pattern in GPU_FILES)
    )
    if is_missing:
        raise UserError(
            f"trainer.accelerator={accelerator} needs a GPU, but this machine has none;"
            " trainer=auto takes the fastest device there is, trainer=cpu runs everywhere"
        )
