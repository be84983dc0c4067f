"""Measure one more trial in a study with N: ask, store a trial's attributes and reports, tell.

    python benchmarks/ask_tell.py N

Ten parameters, TPE, the sweeper's journal file; many_trials.py measures whole trials.
"""

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import optuna
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from hydra_study.storage.journal import open_journal

PROBES = 10
SPACE: dict[str, BaseDistribution] = {
    **{f"float_{number}": FloatDistribution(1e-4, 1.0, log=True) for number in range(5)},
    **{f"int_{number}": IntDistribution(1, 8) for number in range(5)},
}


def fill(study: optuna.Study, count: int) -> None:
    """Add finished trials."""
    filled = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(count):
        params = filled.ask(SPACE).params
        attrs = {
            "kind": "complete",
            "hash": f"{hash(tuple(params.values())):016x}",
            "seconds": 60.0,
        }
        trial = create_trial(
            state=TrialState.COMPLETE,
            value=sum(params.values()),
            params=params,
            distributions=SPACE,
            user_attrs=attrs,
        )
        study.add_trial(trial)


def main() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    count = int(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.journal"
        fill(optuna.create_study(storage=open_journal(path), study_name="s"), count)
        sampler = optuna.samplers.TPESampler(seed=0, n_startup_trials=10)
        study = optuna.load_study(study_name="s", storage=open_journal(path), sampler=sampler)
        began = time.perf_counter()
        for number in range(PROBES):
            trial = study.ask(SPACE)
            for key in (
                "worker",
                "slot",
                "session",
                "overrides",
                "hash",
                "repetition",
                "kind",
                "seconds",
                "folder",
            ):
                trial.set_user_attr(key, number)
            for step in range(12):
                trial.report(0.5, step)
            known = [
                one
                for one in study.get_trials(deepcopy=False)
                if one.user_attrs.get("hash") == "none"
            ]
            assert not known
            study.tell(trial, 0.5)
        seconds = (time.perf_counter() - began) / PROBES
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"ms_a_trial": 1e3 * seconds, "peak_mib": peak}))


if __name__ == "__main__":
    main()
