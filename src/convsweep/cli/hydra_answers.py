"""Hints appended to Hydra's error messages for mistakes on the command line."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from convsweep.cli.known_words import group_of, key_for
from convsweep.errors import NO_TOKEN, MissingExtraError, closed_place, did_you_mean

if TYPE_CHECKING:
    from omegaconf.errors import ConfigAttributeError, ConfigKeyError

# Folder of the configs of a project that `convsweep init` writes.
OWN_CONFIGS = "conf"


def better_answer(error: BaseException | None) -> str | None:
    """Return a hint for an override whose option or key does not exist, or for a path that cannot
    be written; None for other errors.
    """
    from hydra.errors import MissingConfigException, OverrideParseException
    from omegaconf.errors import ConfigAttributeError, ConfigKeyError

    if isinstance(error, MissingConfigException) and error.missing_cfg_file and error.options:
        return _option_hint(error.missing_cfg_file, error.options)
    if isinstance(error, OverrideParseException) and NO_TOKEN in str(error):
        rule = "values of other than plain letters and digits must be in quotes"
        return f"{error.override}: {rule} inside of the shell's: \"key='value'\""
    cause = error.__cause__ if error is not None else None
    if isinstance(cause, ConfigAttributeError | ConfigKeyError) and cause.parent_node is not None:
        return _key_hint(cause)
    return closed_place(error)


def _key_hint(error: "ConfigAttributeError | ConfigKeyError") -> str:
    """Return the answer to a key that does not exist."""
    from omegaconf import OmegaConf

    known = OmegaConf.to_container(error.parent_node)  # type: ignore[arg-type]
    assert isinstance(known, dict)
    meant = key_for(str(error.key), known) if error.full_key == str(error.key) else None
    hint = f"did you mean {meant}?" if meant else did_you_mean(str(error.key), map(str, known))
    return (
        f"{error.full_key}: there is no such key; {hint} (+{error.full_key}=... adds a key that is"
        " not there)"
    )


def _option_hint(asked: str, options: Sequence[str]) -> str:
    """Return the answer to an option that a group does not have."""
    from convsweep.cli.command_line import config_folder

    group, _, option = asked.rpartition("/")
    if (group, option) == ("hydra/launcher", "joblib"):  # the option comes with the package
        return str(MissingExtraError("hydra-joblib-launcher", "joblib", "hydra/launcher=joblib"))
    named = asked.removeprefix("data/")
    if asked.startswith("data/") and ("/" in named or Path(named).exists()):
        return (
            f"data names a kind of data, but is {named}, a path; for a folder of images say"
            f" data=image_folder data.root={named} (other kinds: {', '.join(options)})"
        )
    other = group_of(option, config_folder(), group)
    if other is not None:
        return f"{group} has no option {option}, but {other} has; say {other}={option}"
    own = Path(OWN_CONFIGS, group, f"{option}.yaml")
    if own.is_file():
        return f"{group}={option}: {own} is there; add --config-dir {OWN_CONFIGS}"
    return f"{group}={option}: there is no such option; {did_you_mean(option, options)}"
