"""From a composed config to data, network and model, and from a checkpoint back to a network."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf, open_dict
from torch import nn

from convsweep.data.samples import Facts
from convsweep.errors import MissingExtraError, UserError

if TYPE_CHECKING:
    from convsweep.data import DataModule
    from convsweep.models.base import Model

CARD = "convsweep"
"""Key of a checkpoint under which the network describes itself."""

EXTRAS = {"timm": "timm", "segmentation_models_pytorch": "smp"}


@contextmanager
def plain_errors() -> Iterator[None]:
    """Raise what went wrong inside `instantiate` itself where it is the user's to mend."""
    try:
        yield
    except InstantiationException as error:
        cause = error.__cause__
        while cause is not None and not isinstance(cause, UserError | ModuleNotFoundError | TypeError):
            cause = cause.__cause__
        if isinstance(cause, UserError):
            raise cause from None
        if isinstance(cause, ModuleNotFoundError) and cause.name in EXTRAS:
            raise MissingExtraError(cause.name, EXTRAS[cause.name], "this config") from None
        raise UserError(str(cause or error).strip() + f" (in {str(error).splitlines()[-1].strip()})") from error


def build_data(cfg: DictConfig) -> "DataModule":
    """Return the data module and fill `cfg.shape` with what the data states of itself; no sample is read yet."""
    with plain_errors():
        data: DataModule = instantiate(cfg.data)
    fill_shape(cfg, data.facts)
    return data


def fill_shape(cfg: DictConfig, facts: Facts) -> None:
    """Write the data's shape and classes to `cfg.shape`, from where the network takes them."""
    with open_dict(cfg):
        cfg.shape = {
            "in_shape": list(facts.in_shape),
            "in_channels": facts.in_channels,
            "num_classes": facts.num_classes,
        }


def build_net(cfg: DictConfig) -> nn.Module:
    """Return the network of `cfg.model.net`; `cfg.shape` must be filled."""
    with plain_errors():
        net: nn.Module = instantiate(cfg.model.net)
    return net


def build_model(cfg: DictConfig, data: "DataModule") -> "Model":
    """Return the LightningModule of `cfg.model`; `data` must be set up."""
    with plain_errors():
        model: Model = instantiate(without_net(cfg.model), _partial_=True)(
            net=build_net(cfg),
            facts=data.facts,
            mean=torch.as_tensor(data.mean),
            std=torch.as_tensor(data.std),
            class_counts=torch.as_tensor(data.class_counts),
            optimizer=instantiate(cfg.optimizer),
            schedule=instantiate(cfg.scheduler),
            card=card(cfg, data.facts),
        )
    return model


def without_net(model: DictConfig) -> dict[str, Any]:
    """Return a model's options without its network, which is built apart."""
    return {str(name): value for name, value in model.items() if name != "net"}


def card(cfg: DictConfig, facts: Facts) -> dict[str, Any]:
    """Return what a checkpoint says of itself, in plain types: the model's config and the facts of its data."""
    model = OmegaConf.to_container(cfg.model, resolve=True)
    return {"model": model, "facts": {**asdict(facts), "in_shape": list(facts.in_shape), "class_names": list(facts.class_names)}}


def load_model(checkpoint: str | Path) -> "Model":
    """Return the trained model of a checkpoint, rebuilt from the checkpoint alone, in evaluation mode on the CPU.

    Raises:
        UserError: the file is missing, is not a checkpoint, or was not written by convsweep.
    """
    state = read_checkpoint(checkpoint)
    described = state[CARD]
    facts = Facts(**{**described["facts"], "in_shape": tuple(described["facts"]["in_shape"])})
    cfg = OmegaConf.create({"model": described["model"]})
    assert isinstance(cfg, DictConfig)
    zeros = torch.zeros(facts.in_channels)
    with plain_errors():
        model: Model = instantiate(without_net(cfg.model), _partial_=True)(
            net=build_net(cfg),
            facts=facts,
            mean=zeros,
            std=zeros + 1,
            class_counts=torch.ones(facts.num_classes),
            card=described,
        )
    model.load_state_dict(state["state_dict"])
    return model.eval()


def read_checkpoint(checkpoint: str | Path) -> dict[str, Any]:
    """Return a checkpoint's content.

    Raises:
        UserError: the file is missing, is not a checkpoint, or was not written by convsweep.
    """
    path = Path(checkpoint)
    if not path.is_file():
        raise UserError(f"a checkpoint must be a file, but {path} is not there")
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise UserError(
            f"{path} is not a readable checkpoint ({type(error).__name__}); it may be cut off, use another one"
        ) from error
    if CARD not in state:
        raise UserError(f"{path} was not written by convsweep: it does not say how to rebuild its network")
    return state
