"""Checks before torch is imported, so that mistakes are reported at once, and the line with the run
folder.
"""

from collections.abc import Callable, Iterator
from importlib import import_module, resources
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from convsweep.cli.console import say, short_path
from convsweep.distributed.ranks import is_first
from convsweep.errors import UserError, did_you_mean
from convsweep.metrics.direction import better_mode
from convsweep.run_folder import check_folder
from convsweep.training.quick_checks import check_groups, check_pretrained
from hydra_study import trial

NETS = "convsweep.nets"
WORDS = {"monitor.mode": ("max", "min"), "freed_memory": ("keep", "release")}
FROM_DATA = ("in_shape", "in_channels", "num_classes")


def check_options(cfg: DictConfig) -> None:
    """Check what can be checked without data and torch.

    Raises:
        UserError: an option does not exist, or a value is out of range.
    """
    check_groups(cfg)
    check_given(cfg)
    net = cfg.model.net
    check_pretrained(net)
    plan = plan_of(net.get("_target_"))
    if plan is not None and not trial.in_trial():  # a sweep has checked a trial's network already
        options = {
            str(name): plain(net, str(name))
            for name in net
            if name not in ("_target_", "_recursive_", *FROM_DATA)
        }
        plan(**options)
    for name, words in WORDS.items():
        word = OmegaConf.select(cfg, name)
        if word not in words:
            raise UserError(
                f"{name} must be {' or '.join(words)}, but is {word!r}; {did_you_mean(word, words)}"
            )
    check_direction(cfg)
    max_epochs = cfg.trainer.max_epochs
    if not isinstance(max_epochs, int) or max_epochs == 0 or max_epochs < -1:
        raise UserError(
            f"trainer.max_epochs must be a whole number >= 1 (-1: no limit), but is {max_epochs!r}"
        )


def check_direction(cfg: DictConfig) -> None:
    """Check that the monitored metric is not chosen by its worst value.

    Raises:
        UserError: it is.
    """
    metric, mode = str(cfg.monitor.metric), better_mode(str(cfg.monitor.metric))
    if mode is None or cfg.monitor.mode == mode:
        return
    follows = OmegaConf.is_interpolation(cfg.monitor, "mode")
    key = "model.monitor_mode" if follows else "monitor.mode"
    raise UserError(
        f"{key} must be {mode} for {metric}, which is better when it is"
        f" {'higher' if mode == 'max' else 'lower'}, but is {cfg.monitor.mode}; set {key}={mode}"
    )


def plan_of(target: str | None) -> Callable[..., Any] | None:
    """Return the function that checks the options of a net family without torch: `plan_unet` in
    `nets/unet_plan.py` for `UNet`; None if the family has no such module.
    """
    package, _, family = (target or "").rpartition(".")
    name = family.lower()
    if package not in (NETS, f"{NETS}.{name}"):
        return None
    if not (resources.files(NETS) / f"{name}_plan.py").is_file():
        return None
    plan: Callable[..., Any] = getattr(import_module(f"{NETS}.{name}_plan"), f"plan_{name}")
    return plan


def check_given(cfg: DictConfig) -> None:
    """Check that every key without a default is given, and that the learning rate is a number.

    Raises:
        UserError: one is not.
    """
    check_no_key_is_missing(cfg)
    lr = cfg.optimizer.get("lr", 0.0)
    if isinstance(lr, str) or lr is None or lr < 0:
        raise UserError(
            f"optimizer.lr must be a number >= 0, but is {lr!r}; say optimizer.lr=0.001"
        )


def check_no_key_is_missing(cfg: DictConfig) -> None:
    """Check that every key without a default is given, except the shape, which is filled in from
    the data.

    Raises:
        UserError: one is not.
    """
    for name in missing_keys(OmegaConf.to_container(cfg, resolve=False)):
        if not name.startswith("shape."):
            raise UserError(
                f"{name} has no default and must be given; add {name}=... to the command"
            )


def missing_keys(node: Any, prefix: str = "") -> Iterator[str]:
    """Yield the dotted names of the keys without a value. `OmegaConf.missing_keys` fails at
    references to such a key.
    """
    for key, value in node.items():
        if isinstance(value, dict):
            yield from missing_keys(value, f"{prefix}{key}.")
        elif value == "???":
            yield f"{prefix}{key}"


def check_new_folder(cfg: DictConfig) -> None:
    """Check that the folder of a new run holds no other run.

    Raises:
        UserError: it does.
    """
    if is_first() and cfg.ckpt_path is None and trial.current() is None:
        check_folder(Path(HydraConfig.get().runtime.output_dir))


def say_folder() -> None:
    """Print the run folder."""
    if is_first():
        say(f"run folder: {short_path(Path(HydraConfig.get().runtime.output_dir))}")


def plain(node: DictConfig, name: str) -> Any:
    """Return a resolved option as plain containers, without what a nested network has from the
    data.
    """
    value = node[name]
    if isinstance(value, DictConfig):
        return {str(key): plain(value, str(key)) for key in value if key not in FROM_DATA}
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
