"""Options of `hydra/sweeper=study` and of its config groups `sampler`, `pruner`, `schedule`."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class StudyConf:
    """The keys of `hydra.sweeper`. Times are in seconds; null means no limit, or a choice made for
    the machine.

    Attributes:
        study_name: Name of the study, and by default of its folder `multirun/<study_name>`.
        storage: null for a journal file in the sweep's folder, the path of a journal file, or a
            database URL.
        storage_timeout: How long a storage that does not answer (full disk, restarting database) is
            retried while trials keep training. After that the worker ends; the same command
            continues the sweep.
        direction: `minimize` or `maximize`, or a mapping name -> direction for several objectives.
        prune_on: The objective whose reports decide on pruning and pausing; needed only if there
            are several.
        params: The space: key -> override (`choice(3,5)`), or a mapping with `values`, `when`,
            `compute`.
        suggest: Dotted path of `f(trial, params)` for spaces that YAML cannot express; returns a
            mapping or a list of overrides.
        enqueue: Points to try first: mappings, overrides of a preset (`model/net=lenet5`), folders
            of earlier sweeps, or their `best.yaml`.
        prior: Points that are believed to be good, in the same form, such as a network made by hand
            or the `best.yaml` of another study: they are tried first, and some trials are drawn
            near them, half of the first ones, and fewer and fewer (a tenth after 40).
        n_trials, timeout, target: The total budget over all starts of this study: trials, seconds,
            a value of the first objective. All trials count, also errors, except those that were
            infeasible, duplicates, or retried; a paused trial counts once it has begun. Without a
            schedule no trial begins that `timeout` would end even if it were as short as the
            shortest one.
        early_stopping: `{patience: 30, min_delta: 0.002}`: no trial begins once the last `patience`
            ones that ended have not improved the best value by more than `min_delta`; without
            `min_delta`, by more than the standard error of a trial's value, which `repeat` or
            `average_over` measure. Paused trials that belong to the best go on, and finalists
            follow.
        workers: Number of jobs that the launcher starts; each runs `slots` trials at a time.
        slots, threads, gpus: Trials at a time per worker; threads and (parts of) GPUs per trial.
        preload: Modules that a worker imports once, before it forks its trials.
        check: Dotted path of `f(config) -> dict | None`, which raises an error of kind `infeasible`
            (whose attribute `excess`, above 0, may say how far it is beyond its limit, relative to
            the limit) or returns attributes to store with the trial.
        canonical: Dotted path of `f(config) -> Any`; configs with equal results are the same
            network.
        ignore: Keys of the config that do not change the job. A key that is searched always counts.
        repeat: How many times the same network may be trained; `seed_key` is the key of the seed,
            which then differs.
        average_over: null, or the key (`seed`, `data.fold`) of a whole number: each trial then
            trains its network `repeat` times, one after the other, in folders of their own, while
            this key counts up. Its value is their mean; the value of each training is reported as
            a step, for `pruner=wilcoxon`.
        finalists: `{top: 5, seeds: 3}`: once `n_trials` are done, the best `top` complete trials
            are trained again in full length with `seeds` other seeds each, beyond `n_trials`; the
            winner is the one with the best mean.
        checkpoint: Glob pattern, within a trial's folder, of the checkpoint from which its retry
            resumes, or the trial itself after a pause; the newest match is used.
        policy: Kind of outcome -> `go_on`, `retry <k>` or `stop`.
        max_errors: Number of errors of user code in a row that stops the sweep; null: never.
        hang_limit, trial_timeout: Longest time without a report, and longest duration, of a trial;
            beyond them it ends as `timed_out`.
        grace: How long a trial may take to end after SIGTERM before it is killed.
        stale_after: How long a worker of another machine may be silent before its trials are
            retried.
        changed_folder: `refuse` or `accept` another folder for the study, if its own one is gone
            for good.
        may_change: Keys that may differ between starts of a study, besides those of `ignore`; `*`
            matches any characters. Meant for keys that change no result.
        changed: `refuse` or `accept` a start whose space or config differs from that of the first
            start.
        view: `auto`, `table`, `lines` or `none`.
        caption: Text file that the live table shows below itself, if it is there; another program
            may write it anew while the sweep runs.
        preview: Dotted path of `f(hydra_study.Preview)`, which is called instead of the search, to
            say what it would do.
        observer: Module that follows the sweep in a process of its own, run as `python -m
            <observer> <folder> --follow`.
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
    prior: list[Any] = field(default_factory=list)
    sampler: Any = None
    pruner: Any = None
    schedule: Any = None
    n_trials: int | None = 20
    timeout: float | None = None
    target: float | None = None
    early_stopping: Any = None
    workers: int = 1
    slots: int | None = None
    threads: int = 1
    gpus: float | None = None
    preload: list[str] = field(default_factory=list)
    check: str | None = None
    canonical: str | None = None
    ignore: list[str] = field(default_factory=lambda: ["seed", "tags", "logger"])
    repeat: int = 1
    average_over: str | None = None
    seed_key: str = "seed"
    finalists: Any = None
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
    caption: str | None = None
    preview: str | None = None
    observer: str | None = None


SAMPLERS: dict[str, dict[str, Any]] = {
    "tpe": {
        "_target_": "optuna.samplers.TPESampler",
        "n_startup_trials": 10,
        "multivariate": None,
        "group": False,
    },
    "auto": {"_target_": "auto", "n_startup_trials": 10},  # chosen by the space
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
    "gp_curves": {"_target_": "hydra_study.trials.curves.CurveSampler", "n_startup_trials": 10},
    "nsga2": {"_target_": "optuna.samplers.NSGAIISampler", "population_size": 20},
    "nsga3": {"_target_": "optuna.samplers.NSGAIIISampler", "population_size": 20},
}

# Steps count from 1: with `n_warmup_steps: 1` the second report is the first that can prune.
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

# Instead of a pruner. Of n trials that reached `min_steps * reduction_factor**k` steps, from 1, the
# best `n // reduction_factor` go on, and the others pause.
SCHEDULES: dict[str, dict[str, Any]] = {
    "none": {"_target_": None},
    "promotion": {
        "_target_": "hydra_study.Promotion",
        "min_steps": 1,
        "reduction_factor": 3,
        "max_paused": 1000,
    },
}
