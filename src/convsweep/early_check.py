"""Checks a config's options before torch is loaded, so that a slip is answered at once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from convsweep.errors import UserError, did_you_mean
from convsweep.nets.convnet_plan import plan_convnet
from convsweep.nets.unet_plan import plan_unet
from convsweep.ranks import is_first
from convsweep.record import check_folder
from hydra_plugins.study import trial

PLANS: dict[str, Callable[..., Any]] = {"convsweep.nets.ConvNet": plan_convnet, "convsweep.nets.UNet": plan_unet}
FROM_DATA = ("in_shape", "in_channels", "num_classes")


def check_options(cfg: DictConfig) -> None:
    """Check what can be checked without data and torch.

    Raises:
        UserError: an option that no network has, a value outside its range.
    """
    check_new_folder(cfg)
    net = cfg.model.net
    plan = PLANS.get(net.get("_target_"))
    if plan is not None:
        options = {str(name): plain(net, str(name)) for name in net if name not in ("_target_", *FROM_DATA)}
        plan(**options)
    mode = cfg.monitor.mode
    if mode not in ("max", "min"):
        raise UserError(f"monitor.mode must be max or min, but is {mode!r}; {did_you_mean(mode, ['max', 'min'])}")
    max_epochs = cfg.trainer.max_epochs
    if not isinstance(max_epochs, int) or max_epochs == 0 or max_epochs < -1:
        raise UserError(f"trainer.max_epochs must be a whole number >= 1 (-1: no limit), but is {max_epochs!r}")


def check_new_folder(cfg: DictConfig) -> None:
    """Check, for a run that begins, that its folder holds no other run.

    Raises:
        UserError: it does.
    """
    if is_first() and cfg.ckpt_path is None and trial.current() is None:
        check_folder(Path(HydraConfig.get().runtime.output_dir))


def plain(node: DictConfig, name: str) -> Any:
    """Return a resolved option as plain containers."""
    value = node[name]
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
