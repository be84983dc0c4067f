"""Construction of data, network and model from a composed config, and of a model from a
checkpoint.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from hydra.errors import InstantiationException
from hydra.utils import get_object, instantiate
from lightning.fabric.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig, OmegaConf, open_dict
from torch import nn
from torch.optim import Optimizer

from convsweep.cli.hydra_version import own_configs_may_name_any_class
from convsweep.data.samples import DataInfo
from convsweep.errors import MissingExtraError, UserError
from convsweep.literal_options import check_words
from convsweep.losses.class_loss import ClassLoss
from convsweep.task import Task
from convsweep.training.quick_checks import EXTRAS
from convsweep.trusted_names import hold

if TYPE_CHECKING:
    from convsweep.data.datamodule import DataModule
    from convsweep.models.base import Model
    from convsweep.models.schedules import Schedule

# Key of the metadata in a checkpoint.
CARD = "convsweep"


@contextmanager
def plain_errors(part: str, remedy: str = "") -> Iterator[None]:
    """Convert errors that the user can fix to a `UserError` that names the part of the config.

    Args:
        part: the key of the part.
        remedy: for options that Lightning refuses on this machine.
    """
    try:
        with own_configs_may_name_any_class():
            yield
    except UserError:
        raise
    except InstantiationException as error:
        cause = innermost(error)
        if isinstance(cause, UserError):
            raise cause from None
        if isinstance(cause, ModuleNotFoundError) and cause.name in EXTRAS:
            raise MissingExtraError(cause.name, EXTRAS[cause.name], part) from None
        if isinstance(cause, ModuleNotFoundError):
            raise UserError(
                f"{part} needs the module {cause.name}, which is not found; "
                "start in the folder that holds it, install it, or add its folder to PYTHONPATH"
            ) from error
        place = str(error).splitlines()[-1].strip()
        raise UserError(f"{part} cannot be built: {str(cause).strip()} ({place})") from error
    except (MisconfigurationException, ModuleNotFoundError, ValueError, TypeError) as error:
        does = remedy if isinstance(error, MisconfigurationException | ModuleNotFoundError) else ""
        raise UserError(f"{part} cannot be built: {error}{does}") from error
    except Exception as error:
        # with the mark that Hydra 1.4 expects
        if not any(note.startswith("full_key") for note in getattr(error, "__notes__", ())):
            raise
        raise UserError(f"{part} cannot be built: {str(error).strip()}") from error


def innermost(error: BaseException) -> BaseException:
    """Return the original cause of an error, below Hydra's own exceptions and failed imports."""
    wraps = isinstance(error, InstantiationException) or (
        isinstance(error, ImportError) and not isinstance(error, UserError)
    )
    return innermost(error.__cause__) if wraps and error.__cause__ is not None else error


def build_data(cfg: DictConfig) -> "DataModule":
    """Return the data module and fill `cfg.shape` from its description, without reading samples."""
    task = task_of(cfg)  # first, since the data's task may be defined in the model's module
    data = data_module(cfg.data)
    check_task(task, data.info)
    fill_shape(cfg, data.info)
    return data


def data_module(config: Mapping[str, Any]) -> "DataModule":
    """Return the data module of a config of the group `data`, composed or from a checkpoint."""
    with plain_errors("data"):
        check_words("data", get_object(config["_target_"]), config)
        data: DataModule = instantiate(config)
    return data


def fill_shape(cfg: DictConfig, info: DataInfo) -> None:
    """Write the data's shape and classes to `cfg.shape`, which the network's config refers to."""
    with open_dict(cfg):
        cfg.shape = {
            "in_shape": list(info.in_shape),
            "in_channels": info.in_channels,
            "num_classes": info.num_classes,
        }


def task_of(cfg: DictConfig) -> Task | None:
    """Return the task of the model, or None."""
    target = cfg.model.get("_target_")
    if target is None:
        return None
    with plain_errors("model"):
        return getattr(get_object(target), "task", None)


def check_task(task: Task | None, info: DataInfo) -> None:
    """Check that model and data have the same task.

    Raises:
        UserError: they differ.
    """
    if task is not None and task.name != info.task:
        raise UserError(
            f"the model is for {task.name}, but the data is for {info.task}; use model={info.task}"
            " or other data"
        )


def build_net(cfg: DictConfig) -> nn.Module:
    """Return the network of `cfg.model.net`; `cfg.shape` must be filled."""
    with plain_errors("model.net"):
        net: nn.Module = instantiate(cfg.model.net)
    return net


def build_model(cfg: DictConfig, data: "DataModule") -> "Model":
    """Return the LightningModule of `cfg.model`; `data` must be set up."""
    net = build_net(cfg)
    targets = data.target_statistics
    optimizer, schedule = build_optimizer(cfg)
    with plain_errors("model"):
        check_words("model", get_object(cfg.model._target_), cfg.model)
        if cfg.model.get("loss") is not None:
            check_words("model.loss", get_object(cfg.model.loss._target_), cfg.model.loss)
        model: Model = instantiate(without_net(cfg.model), _partial_=True)(
            net=net,
            info=data.info,
            mean=torch.as_tensor(data.mean),
            std=torch.as_tensor(data.std),
            class_counts=torch.as_tensor(data.class_counts),
            target_mean=None if targets is None else torch.as_tensor(targets[0]),
            target_std=None if targets is None else torch.as_tensor(targets[1]),
            optimizer=optimizer,
            schedule=schedule,
            metadata=metadata(cfg, data),
        )
    check_loss(model, data)
    return model


def check_loss(model: "Model", data: "DataModule") -> None:
    """Check that a loss of the config is for the model's task, and takes the probabilities that
    mixed samples have as targets.

    Raises:
        UserError: it is not, or does not.
    """
    loss, has_labels = model.given_loss, model.task.has_several_labels
    if (
        isinstance(loss, ClassLoss)
        and not model.task.has_classes
        and not (has_labels and loss.takes_labels)
    ):
        remedy = ", or choose model/loss=focal model.loss.activation=sigmoid" if has_labels else ""
        raise UserError(
            f"the loss {type(loss).__name__} of model/loss is for one class a sample or position,"
            f" which {model.task.name} does not have; leave out model/loss{remedy}"
        )
    if model.given_loss is None or data.mixing is None or not data.mixing.gives_probabilities:
        return
    classes = data.info.num_classes
    try:
        with torch.random.fork_rng(devices=[]):
            value = model.batch_loss(torch.zeros(2, classes), torch.full((2, classes), 1 / classes))
        fits = value.dim() == 0
    except (RuntimeError, ValueError, TypeError, IndexError):
        fits = False
    if not fits:
        raise UserError(
            "data.mixup_alpha and data.cutmix_alpha need a loss of probabilities (N, num_classes),"
            f" but {type(model.given_loss).__name__} of model/loss takes classes only; use"
            " cross-entropy (model/loss=cross_entropy), or set both to 0"
        )


def build_optimizer(cfg: DictConfig) -> tuple[Callable[..., Optimizer], "Schedule | None"]:
    """Return factories of optimiser and schedule, both tried on one parameter so that wrong options
    are reported now.
    """
    with plain_errors("optimizer"):
        # checkpoints store its lists
        optimizer: Callable[..., Optimizer] = instantiate(cfg.optimizer, _convert_="all")
        tried = optimizer([torch.zeros(1, requires_grad=True)])
    if cfg.scheduler.get("_target_") is None:
        return optimizer, None
    with plain_errors("scheduler"):
        check_words("scheduler", get_object(cfg.scheduler._target_), cfg.scheduler)
        schedule: Schedule = instantiate(cfg.scheduler, _convert_="all")
        schedule(tried, total_steps=1000)
    return optimizer, schedule


def without_net(model: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model's options without its network, which is built separately."""
    return {str(name): value for name, value in model.items() if name != "net"}


def metadata(cfg: DictConfig, data: "DataModule") -> dict[str, Any]:
    """Return the metadata of a checkpoint in plain types: configs of model and data, and the data's
    description.
    """
    info = data.info
    return {
        "model": OmegaConf.to_container(cfg.model, resolve=True),
        "data": OmegaConf.to_container(cfg.data, resolve=True),
        "info": {
            **asdict(info),
            "in_shape": list(info.in_shape),
            "class_names": list(info.class_names),
        },
        "class_counts": torch.as_tensor(data.class_counts).tolist(),
        "dtype": str(data.train.x.dtype),
    }


def load_model(checkpoint: str | Path, device: torch.device | None = None) -> "Model":
    """Return the trained model of a checkpoint, rebuilt from the checkpoint alone, in evaluation
    mode; on the CPU by default.

    Raises:
        UserError: the file is missing, is not a checkpoint, or was not written by convsweep.
    """
    from convsweep.models.base import Model

    state = read_checkpoint(checkpoint)
    described = state[CARD]
    if "data" not in described:
        raise UserError(
            f"{checkpoint} was written by an earlier version, which did not say how its data was"
            " read; train again"
        )
    stated = described["info"]
    info = DataInfo(
        **{
            **stated,
            "in_shape": tuple(stated["in_shape"]),
            "class_names": tuple(stated["class_names"]),
        }
    )
    net = hold(described["model"]["net"], nn.Module, f"{checkpoint}: model.net")
    model_config = hold(without_net(described["model"]), Model, f"{checkpoint}: model")
    cfg = OmegaConf.create({"model": {"net": net}})
    assert isinstance(cfg, DictConfig)
    zeros = torch.zeros(info.in_channels)
    with plain_errors("model"):
        model: Model = instantiate(model_config, _partial_=True)(
            net=build_net(cfg),
            info=info,
            mean=zeros,
            std=zeros + 1,
            class_counts=torch.tensor(described["class_counts"]),
            metadata=described,
        )
    model.load_state_dict(state["state_dict"])
    device = device or torch.device("cpu")
    model.eval().lay_out(device)
    return model.to(device)


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
            f"{path} is not a readable checkpoint ({type(error).__name__}); it may be cut off, use"
            " another one"
        ) from error
    if CARD not in state:
        raise UserError(
            f"{path} was not written by convsweep: it does not say how to rebuild its network"
        )
    return state
