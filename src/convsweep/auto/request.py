"""Parsing and checks of the command line of `convsweep auto`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from convsweep.cli.config_dir import OPTION, take_config_dir
from convsweep.cli.duration import parse_duration
from convsweep.cli.energy import POWER_ALONE, parse_energy, parse_power
from convsweep.cli.override_quotes import quote_values
from convsweep.errors import UserError, did_you_mean
from convsweep.planning.keys import LAUNCHER, OF_THIS_MACHINE

COUNTS = ("n_trials", "epochs", "top", "seeds", "folds")
WORDS = ("budget", "energy", "power", *COUNTS, "folder")
# One of them is needed.
LIMITS = ("budget", "energy", "n_trials", "epochs")
# One fold would leave nothing to train on.
LEAST_FOLDS = 2
DRY_RUN = "--dry-run"
# Of Hydra's grammar: an override of the engine, not of the config.
ENGINE = ("hydra.", "hydra/")
# What each stage decides itself.
REFUSED = {
    "sweeps": "the plan writes the space itself; search your own space by `convsweep train -m`",
    "test": "the test part is used once, at the end",
    "hydra.run.dir": "say folder=FOLDER",
    "hydra.sweep.dir": "say folder=FOLDER",
    "objectives": "say model.monitor=METRIC, by which networks are compared",
    "hydra.sweeper.direction": "say model.monitor=METRIC model.monitor_mode=max",
    "hydra.sweeper.timeout": "say budget=30min",
    "hydra.sweeper.n_trials": "say n_trials=40",
    "hydra.sweeper.finalists": "say top=3 seeds=5",
    "hydra.sweeper.study_name": "say folder=FOLDER",
    "hydra.sweeper.enqueue": "the first trial is the baseline, with which others are compared",
    "hydra.sweeper.prior": "the prior is the baseline, with which others are compared",
}


@dataclass(frozen=True)
class AutoRequest:
    """A parsed command line.

    Attributes:
        overrides: of the config, without those of Hydra's engine; `--config-dir=FOLDER` before
            them.
        engine: overrides of Hydra's sweeper and launcher, for the search.
        seconds: the time of all stages; None: no limit.
        joules: the energy of all stages; None: no limit.
        watts: the mean power of the machine; None: it is measured.
        n_trials: the trials of the search; None: no limit.
        epochs: the epochs of all trainings; None: no limit.
        top: at most how many finalists.
        seeds: at most how many trainings of each; None: as many as are usual.
        folds: on how many folds of the data they are trained instead; None: as the plan says,
            unless seeds are given.
        folder: of everything that is written; None: chosen by the data.
        dry_run: say what would be done.
    """

    overrides: list[str]
    engine: list[str]
    seconds: float | None
    joules: float | None
    watts: float | None
    n_trials: int | None
    epochs: int | None
    top: int
    seeds: int | None
    folds: int | None
    folder: Path | None
    dry_run: bool

    @property
    def limits(self) -> list[float | None]:
        """The values, other than overrides, from which shares and commands follow."""
        counts = [self.n_trials, self.epochs, self.top, self.seeds, self.folds]
        return [self.seconds, self.joules, self.watts, *counts]

    @property
    def is_on_this_machine(self) -> bool:
        """Whether all trainings run here, where energy can be measured."""
        launchers = [value_of(text) for text in self.engine if key_of(text) == LAUNCHER]
        return set(launchers) <= set(OF_THIS_MACHINE)


def parse_request(arguments: Sequence[str]) -> AutoRequest:
    """Parse the command line.

    Raises:
        UserError: there is no data or no limit, or an option is unknown or has a wrong value.
    """
    own, words = take_config_dir([word for word in arguments if word != DRY_RUN])
    own_configs = [] if own is None else [f"{OPTION}={own}"]
    for word in words:
        _check_form(word)
    given = {key_of(word): value_of(word) for word in words if key_of(word) in WORDS}
    overrides = quote_values([word for word in words if key_of(word) not in WORDS])
    for key, reason in REFUSED.items():
        if any(key_of(text) == key for text in overrides):
            raise UserError(f"auto decides {key} itself; {reason}")
    if not any(key_of(text) == "data" for text in overrides):
        raise UserError("auto must know the data; say data=image_folder data.root=FOLDER")
    if not set(LIMITS) & set(given):
        raise UserError(
            "auto needs a limit, and got none; say budget=30min, or energy=0.2kWh, or n_trials=40"
            " (of the search), or epochs=500 (of all trainings)"
        )
    if "power" in given and "energy" not in given:
        raise UserError(POWER_ALONE)
    if {"folds", "seeds"} <= set(given):
        raise UserError("finalists differ in folds or in seeds, but got both; leave one out")
    counts = {
        name: _count(name, given[name], LEAST_FOLDS if name == "folds" else 1)
        for name in COUNTS
        if name in given
    }
    request = AutoRequest(
        overrides=[*own_configs, *(text for text in overrides if not is_of_engine(text))],
        engine=[text for text in overrides if is_of_engine(text)],
        seconds=parse_duration(given["budget"]) if "budget" in given else None,
        joules=parse_energy(given["energy"]) if "energy" in given else None,
        watts=parse_power(given["power"]) if "power" in given else None,
        n_trials=counts.get("n_trials"),
        epochs=counts.get("epochs"),
        top=counts.get("top", 3),
        seeds=counts.get("seeds"),
        folds=counts.get("folds"),
        folder=Path(given["folder"]).expanduser() if "folder" in given else None,
        dry_run=DRY_RUN in arguments,
    )
    if request.joules is not None and request.watts is None and not request.is_on_this_machine:
        raise UserError(
            "energy is measured on this machine alone, but hydra/launcher starts trainings on"
            " others; add the mean power of all together, as in power=2kW"
        )
    return request


def key_of(override: str) -> str:
    """Return the key of an override."""
    return override.lstrip("+~").partition("=")[0]


def value_of(override: str) -> str:
    """Return the value of an override as text."""
    return override.partition("=")[2]


def is_of_engine(override: str) -> bool:
    """Return whether an override is of Hydra's sweeper or launcher."""
    return override.lstrip("+~").startswith(ENGINE)


def _check_form(word: str) -> None:
    if word.partition("=")[0] in ("--config-name", "-cn"):
        raise UserError(
            "auto writes a primary config of its own, but got --config-name; name the options"
            " instead, as in --config-dir conf data=OPTION model/net=OPTION"
        )
    if word.startswith("-") or ("=" not in word and not word.startswith("~")):
        near = did_you_mean(word, [DRY_RUN, *(f"{name}=" for name in WORDS)])
        raise UserError(f"auto takes overrides such as data=digits, but got {word!r}; {near}")


def _count(name: str, text: str, least: int) -> int:
    if not text.isdigit() or int(text) < least:
        raise UserError(f"{name} must be a whole number >= {least}, but is {text!r}")
    return int(text)
