"""Measure what N paused trials cost: to ask for a new point, to let a paused one go on, and to
decide whether a trial pauses.

    python benchmarks/paused_trials.py N

Ten parameters, TPE, the sweeper's journal file. For the new points, half as many trials have gone
on and are better, so that no paused one may.
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
from ask_tell import SPACE
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from hydra_study import Promotion, SweepPaths
from hydra_study.objectives import parse_objectives
from hydra_study.storage.journal import open_journal
from hydra_study.storage.storage import OpenStudy, create_study, open_study
from hydra_study.trials.ask import Asker
from hydra_study.trials.outcomes import parse_policies
from hydra_study.trials.tell import Teller

PROBES = 10


def fill(study: OpenStudy, paused: int, complete: int) -> None:
    """Add paused trials, and better ones that are complete."""
    filled = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for number in range(paused + complete):
        params = filled.ask(SPACE).params
        value = sum(params.values()) + (100.0 if number < paused else 0.0)
        trial = create_trial(
            state=TrialState.RUNNING if number < paused else TrialState.COMPLETE,
            value=None if number < paused else value,
            params=params,
            distributions=SPACE,
            intermediate_values={1: value},
            user_attrs={"overrides": [], "worker": "w"}
            | ({"paused_at": 1} if number < paused else {"kind": "complete"}),
        )
        study.add_trial(trial)


def asker_of(folder: Path, study: OpenStudy, n_trials: int) -> Asker:
    """Return what asks for a worker's trials."""
    paths = SweepPaths(folder)
    paths.make()
    options = SimpleNamespace(
        n_trials=n_trials, timeout=None, target=None, checkpoint="*.ckpt", repeat=1, suggest=None
    )
    objectives = parse_objectives("minimize", None)
    spec: Any = SimpleNamespace(options=options, objectives=objectives, paths=paths, session="s")
    space: Any = SimpleNamespace(size=None)
    teller = Teller(study, paths, parse_policies({}), "*.ckpt")
    return Asker(study, space, spec, "w", teller, Promotion())


def milliseconds(call: Callable[[], object]) -> float:
    """Return the median time of a call."""
    times = []
    for _ in range(PROBES):
        began = time.process_time()
        call()
        times.append(1e3 * (time.process_time() - began))
    return statistics.median(times)


def ask_new(asker: Asker) -> None:
    """Ask for a trial and its parameters."""
    trial = asker.ask(0, 0.0)
    assert trial is not None
    assert "paused_at" not in trial.user_attrs
    for name, distribution in SPACE.items():
        if isinstance(distribution, IntDistribution):
            trial.suggest_int(name, distribution.low, distribution.high)
        else:
            assert isinstance(distribution, FloatDistribution)
            trial.suggest_float(name, distribution.low, distribution.high, log=True)


def ask_paused(asker: Asker) -> None:
    """Let a paused trial go on."""
    trial = asker.ask(0, 0.0)
    assert trial is not None
    assert "paused_at" in trial.user_attrs


def opened(folder: Path, paused: int, complete: int) -> OpenStudy:
    """Return a study with such trials, opened by another process's connection."""
    path = folder / "study.journal"
    create_study(open_journal(path), "s", parse_objectives("minimize", None))
    fill(open_study(open_journal(path), "s"), paused, complete)
    sampler = optuna.samplers.TPESampler(seed=0, n_startup_trials=10)
    return open_study(open_journal(path), "s", sampler)


def main() -> None:
    count = int(sys.argv[1])
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        study = opened(Path(first), count, count // 2)
        asker = asker_of(Path(first), study, 5 * count)
        ask_new(asker)  # the first one reads the journal
        new = milliseconds(lambda: ask_new(asker))
        decided = milliseconds(
            lambda: Promotion().pauses(10**6, 1, 0.5, study.get_trials(deepcopy=False))
        )
        others = opened(Path(second), count, 0)
        resuming = asker_of(Path(second), others, 5 * count)
        ask_paused(resuming)
        on = milliseconds(lambda: ask_paused(resuming))
    print(json.dumps({"ms_to_ask": new, "ms_to_go_on": on, "ms_to_decide": decided}))


if __name__ == "__main__":
    main()
