"""The options of `hydra/sweeper=study`, and its samplers and pruners as config groups of one entry
each.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class StudyConf:
    """What `hydra.sweeper` may hold. Times are in seconds; null means no limit, or a choice made
    for the machine.

    Attributes:
        study_name: Name of the study, and by default of its folder `multirun/<study_name>`.
        storage: null for a journal file in the sweep's folder, a path of a journal file, or a
            database URL.
        storage_timeout: A storage that does not answer (a full disk, a database that restarts) is
            asked again for so long, while trials train on. Then the worker ends, and the same
            command goes on later.
        direction: `minimize` or `maximize`, or a mapping name -> direction for several objectives.
        prune_on: The objective whose reports decide on pruning; needed only where there are
            several.
        params: The space: key -> override (`choice(3,5)`), or a mapping with `values`, `when`,
            `compute`.
        suggest: Dotted path of `f(trial, params)` for what YAML cannot say; returns a mapping or a
            list of overrides.
        enqueue: Points to try first: mappings, overrides of a preset (`model/net=lenet5`), folders
            of former sweeps.
        n_trials, timeout, target: The total budget over all starts of this study. Infeasible and
            repeated trials and those that are retried do not count; all others do, errors too.
        workers: How many jobs the launcher starts; each owns `slots` trials at a time.
        slots, threads, gpus: Trials at a time per worker; threads and (parts of) GPUs per trial.
        preload: Modules that a worker imports once, before it forks its trials.
        check: Dotted path of `f(config) -> dict | None`, which raises an error of kind
            `infeasible`.
        canonical: Dotted path of `f(config) -> Any`: two configs of one value are one network.
        ignore: Keys of the config that do not change the job. A key that the space searches always
            counts.
        repeat: How many times one network may be trained; `seed_key` is the key that then gets
            another seed.
        checkpoint: Where in its folder a trial leaves what a killed one resumes from; of several
            files the one written last.
        policy: Kind of outcome -> `go_on`, `retry <k>` or `stop`.
        max_errors: So many errors of user code in a row stop the sweep; null never.
        hang_limit, trial_timeout: Limits on a trial's silence and on its whole length; beyond them
            it is `timed_out`.
        grace: How long a trial may take to close after it was asked to.
        stale_after: How long another machine's worker may be silent before its trials are retried.
        changed_folder: `refuse` or `accept` that the study goes on in another folder, where the one
            it has is gone for good.
        may_change: Keys that may differ from start to start of a study, besides those of `ignore`;
            `*` stands for any characters. The application says what changes no result.
        changed: `refuse` or `accept` a space, or another value of the rest of the config, than the
            study began with.
        view: `auto`, `table`, `lines` or `none`.
        observer: Module that follows the sweep in a process of its own, as `python -m <observer>
            <folder> --follow`.
    """

    _target_: str = "hydra_plugins.study.sweeper.StudySweeper"
    _recursive_: bool = False
    study_name: str = "${hydra.job.name}"
    storage: str | None = None
    storage_timeout: float = 600.0
    direction: Any = "minimize"
    prune_on: str | None = None
    params: dict[str, Any] = field(default_factory=dict)
    suggest: str | None = None
    enqueue: list[Any] = field(default_factory=list)
    sampler: Any = None
    pruner: Any = None
    n_trials: int | None = 20
    timeout: float | None = None
    target: float | None = None
    workers: int = 1
    slots: int | None = None
    threads: int = 1
    gpus: float | None = None
    preload: list[str] = field(default_factory=list)
    check: str | None = None
    canonical: str | None = None
    ignore: list[str] = field(default_factory=lambda: ["seed", "tags", "logger"])
    repeat: int = 1
    seed_key: str = "seed"
    checkpoint: str = "**/*.ckpt"
    policy: dict[str, str] = field(default_factory=lambda: {"killed": "retry 2"})
    max_errors: int | None = 3
    hang_limit: float | None = None
    trial_timeout: float | None = None
    grace: float = 30.0
    stale_after: float = 60.0
    changed_folder: str = "refuse"
    may_change: list[str] = field(default_factory=list)
    changed: str = "refuse"
    view: str = "auto"
    observer: str | None = None


SAMPLERS: dict[str, dict[str, Any]] = {
    "tpe": {
        "_target_": "optuna.samplers.TPESampler",
        "n_startup_trials": 10,
        "multivariate": None,
        "group": False,
    },
    "random": {"_target_": "optuna.samplers.RandomSampler"},
    "grid": {"_target_": "hydra_study.trials.sampling.GridSampler"},
    "qmc": {"_target_": "optuna.samplers.QMCSampler", "qmc_type": "sobol", "scramble": True},
    "cmaes": {
        "_target_": "optuna.samplers.CmaEsSampler",
        "n_startup_trials": 10,
        "with_margin": True,
    },
    "gp": {
        "_target_": "optuna.samplers.GPSampler",
        "n_startup_trials": 10,
        "deterministic_objective": False,
    },
    "nsga2": {"_target_": "optuna.samplers.NSGAIISampler", "population_size": 20},
    "nsga3": {"_target_": "optuna.samplers.NSGAIIISampler", "population_size": 20},
}

# Steps are counted from 1: after `n_warmup_steps: 1` the second report is the first that is
# compared.
PRUNERS: dict[str, dict[str, Any]] = {
    "none": {"_target_": "optuna.pruners.NopPruner"},
    "median": {
        "_target_": "optuna.pruners.MedianPruner",
        "n_startup_trials": 5,
        "n_warmup_steps": 1,
    },
    "percentile": {
        "_target_": "optuna.pruners.PercentilePruner",
        "percentile": 50.0,
        "n_startup_trials": 5,
    },
    "successive_halving": {
        "_target_": "optuna.pruners.SuccessiveHalvingPruner",
        "reduction_factor": 3,
    },
    "hyperband": {
        "_target_": "optuna.pruners.HyperbandPruner",
        "min_resource": 1,
        "reduction_factor": 3,
    },
    "threshold": {"_target_": "optuna.pruners.ThresholdPruner", "lower": None, "upper": None},
    "patient": {
        "_target_": "optuna.pruners.PatientPruner",
        "wrapped_pruner": {"_target_": "optuna.pruners.MedianPruner"},
        "patience": 2,
    },
    "wilcoxon": {"_target_": "optuna.pruners.WilcoxonPruner", "p_threshold": 0.1},
}
