"""What Hydra answers to a mistake on the command line, and what is said in its place where we know better."""

import contextlib
import sys
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

from convsweep.errors import MissingExtraError, closed_place, did_you_mean


@contextlib.contextmanager
def reported_to(answer: TextIO) -> Iterator[None]:
    """Let Hydra report exceptions to `answer` instead of the standard error, which gets all else."""
    from hydra._internal import utils

    stream, run_and_report = sys.stderr, utils.run_and_report

    def reported(func: Any) -> Any:
        def noted() -> Any:
            try:
                return func()
            except Exception:
                sys.stderr = answer
                raise

        return run_and_report(noted)

    utils.run_and_report = reported
    try:
        yield
    finally:
        utils.run_and_report, sys.stderr = run_and_report, stream


def better_answer(error: BaseException | None) -> str | None:
    """Return what to do about an override whose option or key does not exist, or about a place that cannot be written to."""
    from hydra.errors import MissingConfigException, OverrideParseException
    from omegaconf.errors import ConfigAttributeError, ConfigKeyError

    if isinstance(error, MissingConfigException) and error.missing_cfg_file and error.options:
        return _option_hint(error.missing_cfg_file, error.options)
    if isinstance(error, OverrideParseException) and "LexerNoViableAlt" in str(error):
        rule = "values of other than plain letters and digits must be in quotes"
        return f"{error.override}: {rule} inside of the shell's: \"key='value'\""
    cause = error.__cause__ if error is not None else None
    if isinstance(cause, ConfigAttributeError | ConfigKeyError) and cause.parent_node is not None:
        hint = did_you_mean(str(cause.key), [str(key) for key in cause.parent_node])
        return f"{cause.full_key}: there is no such key; {hint} (+{cause.full_key}=... adds a key that is not there)"
    return closed_place(error)


def _option_hint(asked: str, options: Sequence[str]) -> str:
    group, _, option = asked.rpartition("/")
    if (group, option) == ("hydra/launcher", "joblib"):  # its package brings the option
        return str(MissingExtraError("hydra-joblib-launcher", "joblib", "hydra/launcher=joblib"))
    return f"{group}={option}: there is no such option; {did_you_mean(option, options)}"
