"""How a search spends its budget on epochs: the methods of the replays, on the open steps of `Run`.

Steps count from 1, as in the program. Unless a method says otherwise, trials are those that the
sampler proposes.
"""

from collections.abc import Callable
from math import erf, exp, pi, sqrt

import numpy as np
from benchmarks.search.run import Run, Trial

from hydra_study.attributes import PAUSED_AT
from hydra_study.trials.schedules import Promotion

Method = Callable[[Run], None]


def full(run: Run) -> None:
    """Train every trial to its end."""
    while True:
        finish(run, run.new())


def finish(run: Run, trial: Trial) -> None:
    """Train a trial to its end."""
    while not run.is_done(trial):
        run.train(trial)
    run.complete(trial)


def pruned(run: Run, asks_at_end: bool = False) -> None:
    """Ask the study's pruner after every epoch.

    Args:
        asks_at_end: ask it also after the last epoch, and file what it then says no to as pruned.
    """
    while True:
        trial = run.new()
        while not run.is_done(trial):
            run.train(trial)
            if (asks_at_end or not run.is_done(trial)) and trial.optuna.should_prune():
                run.prune(trial)
                break
        else:
            run.complete(trial)


def promotion(
    run: Run,
    min_steps: int = 1,
    factor: int = 3,
) -> None:
    """The program's schedule `promotion`: a trial behind at its rung pauses, and goes on once it is
    among the best of the rung (Li et al. 2020).

    Args:
        min_steps: the first rung.
        factor: of those that reached a rung, one in `factor` goes on.
    """
    rule = Promotion(min_steps, factor, "maximize")
    while True:
        waiting = rule.promotable(run.frozen())
        if waiting is None:
            trial = run.new(shows_paused=True)
        else:
            trial = run.by_number[waiting.number]
        trial.optuna.set_user_attr(PAUSED_AT, None)
        while not run.is_done(trial):
            run.train(trial)
            if run.is_done(trial):
                run.complete(trial)
            elif rule.pauses(trial.number, trial.done, trial.last, run.frozen()):
                trial.optuna.set_user_attr(PAUSED_AT, trial.done)
                break


def screening(run: Run, epochs: int = 1, share: float = 0.25) -> None:
    """Train trials for few epochs until a share of the budget is spent, then the best to the end,
    one after the other ("1-Epoch", Egele et al. 2023).
    """
    waiting: list[Trial] = []
    while run.spent < share * run.budget:
        trial = run.new()
        for _ in range(epochs):
            run.train(trial)
        waiting.append(trial)
    for trial in sorted(waiting, key=lambda trial: -trial.last):
        finish(run, trial)
    full(run)


def freeze_thaw(run: Run, least: int = 8) -> None:
    """Train the trial for one more epoch that promises most an epoch, or begin a new one.

    The last accuracy of a trial is predicted by its current one plus the mean gain from this epoch
    on of the trials that ended, with the spread of these gains (a simple form of Swersky et al.
    2014). What promises most is the expected improvement over the best, for each epoch until the
    end. A new trial's last accuracy has the spread of the predictions for all.

    Args:
        least: trials that are trained to their end first.
    """
    for _ in range(least):
        finish(run, run.new())
    waiting: list[Trial] = []
    while True:
        ended = np.array([trial.network.val for trial in run.trials if run.is_done(trial)])
        best = max(trial.value for trial in run.trials if run.is_done(trial))
        gains = ended.max(axis=1, keepdims=True) - ended
        means, spreads = gains.mean(0), gains.std(0) + 1e-3
        predicted = [trial.last + means[trial.done - 1] for trial in waiting]
        scores = [
            improvement(mean - best, spreads[trial.done - 1]) / (run.num_epochs - trial.done)
            for mean, trial in zip(predicted, waiting, strict=True)
        ]
        values = [trial.value for trial in run.trials if run.is_done(trial)]
        everything = np.array([*predicted, *values])
        fresh = improvement(float(everything.mean()) - best, float(everything.std()) + 1e-3)
        if not scores or fresh / run.num_epochs > max(scores):
            trial = run.new()
            waiting.append(trial)
        else:
            trial = waiting[int(np.argmax(scores))]
        run.train(trial)
        if run.is_done(trial):
            waiting.remove(trial)
            run.complete(trial)


def improvement(ahead: float, spread: float) -> float:
    """Return the expected improvement of a normal variable whose mean lies `ahead` of the best."""
    scaled = ahead / spread
    density = exp(-(scaled**2) / 2) / sqrt(2 * pi)
    return spread * (scaled * (1 + erf(scaled / sqrt(2))) / 2 + density)
