"""Trials of several trainings: each trains its network `hydra.sweeper.repeat` times, which differ
in the key `hydra.sweeper.average_over`, and its value is their mean.
"""

from omegaconf import DictConfig, OmegaConf
from optuna.trial import FrozenTrial

from hydra_study import attributes
from hydra_study.config import StudyConf
from hydra_study.errors import StudyError
from hydra_study.intervals import spread
from hydra_study.sweep_spec import SweepSpec


def trials_per_network(options: StudyConf) -> int:
    """Return in how many trials the same network may be trained."""
    return options.repeat if options.average_over is None else 1


def check_average(spec: SweepSpec, config: DictConfig) -> None:
    """Check `hydra.sweeper.average_over`.

    Raises:
        StudyError: There is nothing to average, or no number at the key to count from.
    """
    options = spec.options
    key = options.average_over
    if key is None:
        return
    if options.repeat < 2:
        raise StudyError(
            f"hydra.sweeper.average_over={key} needs several trainings, but got"
            f" hydra.sweeper.repeat={options.repeat}; set it to 2 or more"
        )
    first = OmegaConf.select(config, key)
    if not isinstance(first, int):
        raise StudyError(
            f"hydra.sweeper.average_over needs a key with a whole number, from which it counts, but"
            f" got {first!r} at {key}; set {key}=0"
        )
    if key == options.seed_key and options.finalists is not None:
        raise StudyError(
            f"hydra.sweeper.finalists and average_over both add to {key}; average over another key,"
            " or set hydra.sweeper.finalists=null"
        )


def words_of_average(trial: FrozenTrial) -> str | None:
    """Return the first objective's mean with its standard error over the trainings of a trial; None
    for a trial of one training.
    """
    values = [each[0] for each in trial.user_attrs.get(attributes.TRAININGS, [])]
    found = spread(values)
    if found is None or found.standard_error is None:
        return None
    return (
        f"trial {trial.number}: {found.mean:.5g} +- {found.standard_error:.2g} (mean and standard"
        f" error of {found.n} trainings, {found.low:.5g} to {found.high:.5g})"
    )
