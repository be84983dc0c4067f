"""Parsing and checks of a confirmation's command line."""

import difflib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from convsweep.errors import UserError

DEFAULTS = "defaults"
NO_BASELINE = "none"
_WORDS = ("top", "seeds", "folds", "by", "baseline", "test")


@dataclass(frozen=True)
class ConfirmRequest:
    """The options of a confirmation.

    Attributes:
        folder: folder of the sweep.
        top: number of best trials to train again.
        seeds: number of seeds for each of them and the baseline.
        by: name of the ranking objective; None for the first one.
        baseline: overrides of the baseline; empty for the sweep's defaults, None for no baseline.
        test: whether every training evaluates the test split.
        overrides: further overrides of every training.
        engine: overrides of Hydra's options, for sweeper and launcher.
        folds: number of folds of the data on which each is trained instead, with one seed; None: no
            folds.
    """

    folder: Path
    top: int
    seeds: int
    by: str | None
    baseline: list[str] | None
    test: bool
    overrides: list[str]
    engine: list[str]
    folds: int | None = None


def parse_request(arguments: Sequence[str]) -> ConfirmRequest:
    """Parse the command line.

    Raises:
        UserError: the folder is missing, an option is unknown or has an invalid value.
    """
    places = [argument for argument in arguments if _is_place(argument)]
    words = [argument for argument in arguments if not _is_place(argument)]
    if len(places) != 1:
        raise UserError(
            f"confirm takes one sweep's folder, but got {places or 'none'}; say multirun/<study>"
        )
    given = dict(word.split("=", 1) for word in words if word.partition("=")[0] in _WORDS)
    others = [word for word in words if word.partition("=")[0] not in _WORDS]
    for word in others:
        _check_override(word)
    engine = [word for word in others if word.lstrip("+~").startswith(("hydra.", "hydra/"))]
    folds = _count("folds", given["folds"]) if "folds" in given else None
    if folds is not None and ("seeds" in given or folds < 2):
        raise UserError(
            f"folds must be at least 2, with one seed, but got folds={folds}"
            f"{' seeds=' + given['seeds'] if 'seeds' in given else ''}; say folds=5, or seeds=5"
        )
    return ConfirmRequest(
        folder=Path(places[0]),
        top=_count("top", given.get("top", "3")),
        seeds=_count("seeds", given.get("seeds", "5")),
        by=given.get("by"),
        baseline=parse_baseline(given.get("baseline", DEFAULTS)),
        test=_switch("test", given.get("test", "true")),
        overrides=[word for word in others if word not in engine],
        engine=engine,
        folds=folds,
    )


def parse_baseline(text: str) -> list[str] | None:
    """Return the overrides of a baseline: a preset of `model/net`, overrides separated by blanks,
    `defaults` or `none`.
    """
    if text in (NO_BASELINE, "null"):
        return None
    if text == DEFAULTS:
        return []
    return shlex.split(text) if "=" in text else [f"model/net={text}"]


def _is_place(argument: str) -> bool:
    return "=" not in argument and not argument.startswith("~")


def _count(name: str, text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise UserError(f"{name} must be a whole number >= 1, but is {text!r}")
    return int(text)


def _switch(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise UserError(f"{name} must be true or false, but is {text!r}")
    return text == "true"


def _check_override(word: str) -> None:
    key = word.lstrip("+~").partition("=")[0]
    if key == "seed":
        raise UserError(
            f"the seeds of a confirmation are counted from the sweep's own, but got {word}; say"
            " seeds=<how many>"
        )
    near = difflib.get_close_matches(key, _WORDS, n=1, cutoff=0.75)
    if near:
        raise UserError(f"{key}: confirm has no such word; did you mean {near[0]!r}?")
