"""Checks of a synthesis's options before torch is imported, so that mistakes are reported at
once.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_args

from omegaconf import DictConfig, ListConfig

from convsweep.errors import UserError
from convsweep.training.early_checks import check_no_key_is_missing
from convsweep.training.trained import checkpoint_of

# Covariance of the Gaussian prior: `data` of the training data, `white` for independent values,
# `auto` for data if it can be read.
Covariance = Literal["auto", "data", "white"]


def check_synthesis(cfg: DictConfig) -> None:
    """Check what can be checked without the network.

    Raises:
        UserError: no network is named, or two; a file is missing; an option has an invalid value.
    """
    check_no_key_is_missing(cfg)
    check_network(cfg)
    if cfg.judge is not None:
        checkpoint_of(Path(str(cfg.judge)))
    if cfg.covariance not in get_args(Covariance):
        raise UserError(f"covariance must be auto, data or white, but is {cfg.covariance!r}")
    if not isinstance(cfg.seed, int):
        raise UserError(f"seed must be a whole number, but is {cfg.seed!r}")
    check_kept(cfg.keep_every, cfg.animate)
    for option, file in files_of(cfg.method):
        check_file(option, file)


def check_network(cfg: DictConfig) -> None:
    """Check that one network is named and exists.

    Raises:
        UserError: none or both are named, or the file is missing.
    """
    name, weights = cfg.torchvision.name, cfg.torchvision.weights
    if (cfg.checkpoint is not None) + (name is not None) != 1:
        raise UserError(
            "one network must be named: checkpoint=RUN, or torchvision.name=vgg16"
            " torchvision.weights=FILE"
        )
    if cfg.checkpoint is not None:
        checkpoint_of(Path(str(cfg.checkpoint)))
        return
    if weights is not None and not Path(str(weights)).is_file():
        raise UserError(
            f"torchvision.weights must be a file with the state_dict of {name}, but {weights} is"
            " not there"
        )
    if cfg.covariance == "data":
        raise UserError(
            "covariance=data needs the data of the training, which torchvision does not bring; use"
            " covariance=auto"
        )


def check_kept(keep_every: int | None, animate: bool) -> None:
    """Check the options of intermediate pictures.

    Raises:
        UserError: `keep_every` is not a whole number, or there is nothing to animate.
    """
    if keep_every is not None and (not isinstance(keep_every, int) or keep_every < 1):
        raise UserError(f"keep_every must be null or a whole number >= 1, but is {keep_every}")
    if animate and keep_every is None:
        raise UserError(
            "animate=true joins pictures of the way, of which none is kept; say keep_every=10 too"
        )


def files_of(method: DictConfig) -> Iterator[tuple[str, str]]:
    """Yield (option, file) for all options of a method that name files.

    Raises:
        UserError: the styles are not a list.
    """
    styles = method.get("styles")
    if "styles" in method and not isinstance(styles, ListConfig):
        raise UserError(
            f"method.styles must be a list of image files, but is {styles}; say"
            f" 'method.styles=[{styles}]'"
        )
    if "content" in method:
        yield "method.content", str(method.content)
        yield from (("method.styles", str(style)) for style in styles or [])
    elif method.get("start") is not None:
        yield "method.start", str(method.start)


def check_file(option: str, file: str) -> None:
    """Check that a file exists.

    Raises:
        UserError: it does not.
    """
    if not Path(file).is_file():
        raise UserError(f"{option} must be an image file (or .npy), but {file} is not there")
