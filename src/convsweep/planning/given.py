"""The command line of a plan, and configs composed from it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString
from omegaconf import DictConfig

from convsweep.cli.command_line import config_folder
from convsweep.cli.config_dir import take_config_dir
from convsweep.cli.hydra_answers import better_answer
from convsweep.cli.override_quotes import quote_values
from convsweep.errors import SEARCH_PATH, UserError
from convsweep.planning.keys import (
    EPOCHS,
    GPUS,
    LAUNCHER,
    OF_THIS_MACHINE,
    ONE_WORKER,
    SLOTS,
    THREADS,
    WORKERS,
)
from hydra_study import StudyError, count_slots, override_text

# Groups whose options are a whole plan themselves.
PLANS = ("experiment", "sweeps", "debug")


@dataclass(frozen=True)
class Given:
    """The overrides of a command line.

    Args:
        overrides: all of them, as given.
        groups: option of each config group, by the group's name (`model/net@model.net.encoder`).
        values: value of each other key; those of `hydra` are not part of a plan.
        config_dir: a folder of the user's own configs, or None.
        at_a_time: slots, threads, gpus and workers of hydra.sweeper, where they are given as
            numbers; one worker without a launcher for more.
        is_here: whether the workers of the search run on this machine.
    """

    overrides: tuple[str, ...]
    groups: dict[str, str]
    values: dict[str, Any]
    config_dir: Path | None = None
    at_a_time: dict[str, Any] = field(default_factory=dict)
    is_here: bool = True

    @property
    def workers(self) -> int:
        """Workers of the search."""
        return int(self.at_a_time.get("workers", 1))

    @property
    def slots(self) -> int:
        """Trainings at a time of each worker, as the engine counts them; on other machines as if
        they were this one, or one where a training needs GPUs that are not here.

        Raises:
            UserError: a number is out of its range.
        """
        try:
            return count_slots(**self.at_a_time)
        except StudyError as error:
            if self.is_here:
                raise UserError(str(error)) from error
            return int(self.at_a_time.get("slots", 1))

    def has(self, key: str) -> bool:
        """Return whether the user gave a key or an option of a group, or a key below it."""
        names = (*self.groups, *self.values)
        return any(name == key or name.startswith(f"{key}.") for name in names)

    def compose(self, overrides: Iterable[str] = ()) -> DictConfig:
        """Return the config of these overrides and further ones, which precede the user's own.

        Raises:
            UserError: it cannot be composed.
        """
        own = [text for text in self.overrides if not text.lstrip("+~").startswith("hydra")]
        path = [] if self.config_dir is None else [searchpath(self.config_dir)]
        try:
            GlobalHydra.instance().clear()
            with initialize_config_dir(str(config_folder()), version_base="1.3"):
                return compose("config", overrides=[*path, *overrides, *own])
        except Exception as error:
            text = " ".join(str(error).partition(SEARCH_PATH)[0].split())
            raise UserError(better_answer(error) or text) from error
        finally:
            GlobalHydra.instance().clear()


def searchpath(folder: Path) -> str:
    """Return the override that adds a folder of configs."""
    return f"hydra.searchpath={override_text([f'file://{folder}'])}"


def parse_given(arguments: Sequence[str]) -> Given:
    """Read the overrides of a command line.

    Raises:
        UserError: one cannot be parsed, deletes or sweeps something, is a plan itself, or gives no
            number of epochs.
    """
    own, overrides = take_config_dir(quote_values(list(arguments)))
    for word in overrides:
        if word.startswith("-"):
            raise UserError(f"plan has no option {word}; it takes overrides, as train does")
    try:
        parsed = OverridesParser.create().parse_overrides(list(overrides))
    except Exception as error:
        raise UserError(better_answer(error) or str(error)) from error
    groups: dict[str, str] = {}
    values: dict[str, Any] = {}
    engine: dict[str, Any] = {}
    for override in parsed:
        key, text = override.key_or_group, str(override.input_line)
        if override.is_delete() or override.is_sweep_override():
            raise UserError(
                f"a plan takes single values, but {text!r} is not one; searches follow from the"
                " plan, in sweeps/search.yaml"
            )
        if key in PLANS:
            raise UserError(
                f"a plan decides what {key} would, but {text} is given; leave it out, or train"
                " with it and without a plan"
            )
        if key.split(".")[0].split("/")[0] == "hydra":
            engine[key] = override.value()
            continue
        name = key if override.package is None else f"{key}@{override.package}"
        if is_group(key):
            groups[name] = str(override.get_value_element_as_str())
        else:
            values[name] = plain(override.value())
    check_epochs(values)
    folder = None if own is None else Path(own).expanduser().absolute()
    at_a_time = {
        key.rpartition(".")[2]: value
        for key in (SLOTS, THREADS, GPUS, WORKERS)
        if isinstance(value := engine.get(key), int | float)
    }
    launcher = str(engine.get(LAUNCHER, ONE_WORKER))
    if launcher == ONE_WORKER:
        at_a_time.pop("workers", None)
    is_here = launcher in OF_THIS_MACHINE
    return Given(tuple(overrides), groups, values, folder, at_a_time, is_here)


def check_epochs(values: Mapping[str, Any]) -> None:
    """Check that epochs, if they are given, are a number by which a plan can reckon time.

    Raises:
        UserError: they are not.
    """
    epochs = values.get(EPOCHS, 1)
    if not isinstance(epochs, int) or epochs < 1:
        raise UserError(
            f"{EPOCHS} of a plan must be a whole number >= 1, but is {epochs!r}; leave it out,"
            " and the plan decides it"
        )


def is_group(key: str) -> bool:
    """Return whether a key names a config group: a folder of the configs."""
    return "." not in key and (config_folder() / key).is_dir()


def plain(value: Any) -> Any:
    """Return a value of Hydra's grammar with plain strings in it."""
    if isinstance(value, QuotedString):
        return value.text
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    return value
