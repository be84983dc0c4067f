"""Hints appended to Hydra's error messages for mistakes on the command line."""

from collections.abc import Sequence

from convsweep.errors import NO_TOKEN, MissingExtraError, closed_place, did_you_mean


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
        hint = did_you_mean(str(cause.key), [str(key) for key in cause.parent_node])
        return (
            f"{cause.full_key}: there is no such key; {hint} (+{cause.full_key}=... adds a key that"
            " is not there)"
        )
    return closed_place(error)


def _option_hint(asked: str, options: Sequence[str]) -> str:
    group, _, option = asked.rpartition("/")
    if (group, option) == ("hydra/launcher", "joblib"):  # the option comes with the package
        return str(MissingExtraError("hydra-joblib-launcher", "joblib", "hydra/launcher=joblib"))
    return f"{group}={option}: there is no such option; {did_you_mean(option, options)}"
