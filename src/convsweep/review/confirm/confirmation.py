"""The steps of a confirmation: choose, check, train, measure, judge, report."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf
from rich.console import Console

from convsweep.cli.console import console, short_path
from convsweep.cli.next_commands import say_commands
from convsweep.cli.shell_command import program_command
from convsweep.errors import SEARCH_PATH, UserError
from convsweep.review.confirm import document, engine
from convsweep.review.confirm.candidates import (
    BASELINE,
    Candidate,
    baseline_of,
    changes,
    has_own_network,
    rank,
    ranking_objective,
    without_sweep_file,
)
from convsweep.review.confirm.document import FOLDER, Comparison
from convsweep.review.confirm.jobs import Folds, Jobs
from convsweep.review.confirm.request import ConfirmRequest
from convsweep.review.confirm.results import Result, measure
from convsweep.review.confirm.table import failures, table
from convsweep.review.confirm.verdict import Verdict, judge
from convsweep.run_folder import write_atomically
from hydra_study import (
    Finals,
    SweepFolder,
    config_dirs,
    open_sweep_folder,
    override_text,
    preset_of,
)

# Columns of the table where the output is no terminal.
TABLE_WIDTH = 120


def confirm(request: ConfirmRequest) -> int:
    """Run a confirmation and return the exit code of the trainings' program, or 0 if there was
    nothing to train.

    Raises:
        UserError: The request does not fit the sweep.
        StudyError: The folder holds no sweep.
    """
    sweep = open_sweep_folder(request.folder)
    comparison = comparison_of(sweep, request)
    ranked = rank(sweep, request)
    folds = None if request.folds is None else Folds(request.folds, first_seed(sweep))
    jobs = Jobs(sweep, test=request.test, folds=folds)
    candidates = _choose(sweep, jobs, ranked, request)
    jobs.add(candidates, comparison.seeds)
    _say_plan(sweep, comparison, candidates, jobs)
    code = engine.train(sweep, jobs, request.engine) if jobs.num_open else 0
    results = measure(
        candidates, comparison.seeds, jobs.trial_of, comparison.metric, comparison.folds
    )
    verdict = judge(results, comparison.metric, comparison.maximize, comparison.unit)
    _report(sweep, comparison, results, verdict)
    return code


def comparison_of(sweep: SweepFolder, request: ConfirmRequest) -> Comparison:
    """Return the comparison of the confirmation."""
    index, metric = ranking_objective(sweep, request.by)
    first, folds = first_seed(sweep), request.folds
    return Comparison(
        study=sweep.options.study_name,
        folder=sweep.folder,
        metric=metric,
        maximize=sweep.objectives.directions[index] == "maximize",
        of_front=sweep.objectives.several,
        seeds=list(range(first, first + request.seeds) if folds is None else range(folds)),
        folds=folds,
    )


def first_seed(sweep: SweepFolder) -> int:
    """Return the first seed that the search has not used.

    The best trials were selected by their results with the search's seeds, which are therefore
    biased.
    """
    key = sweep.options.seed_key
    given = OmegaConf.select(sweep.config, key)
    searched = [
        trial.params[key] for trial in sweep.study.get_trials(deepcopy=False) if key in trial.params
    ]
    used = [seed for seed in [given, *searched] if isinstance(seed, int)]
    finalists = sweep.options.finalists
    finals = 0 if finalists is None else Finals(**finalists).seeds
    return max(used) + sweep.options.repeat + finals if used else 0


def _choose(
    sweep: SweepFolder, jobs: Jobs, ranked: list[Candidate], request: ConfirmRequest
) -> list[Candidate]:
    """Return the best trials, and the baseline, if there is to be one, as the last.

    A trial that is the baseline itself is left out, unless it is the only one: it would take the
    place of one that may be better. All are composed, so that a misspelt key is reported before
    training.
    """
    baseline = baseline_of(sweep, request)
    chosen: list[Candidate] = []
    same: list[Candidate] = []
    with composing(sweep) as compose_one:

        def config_of(one: Candidate) -> Any:
            # all under one name, which is part of the config
            return compose_one(one.name, jobs.overrides_of(replace(one, name=BASELINE), 0))

        if baseline is not None and has_own_network(request):
            baseline = _with_own_network(baseline, compose_one)
        own = None if baseline is None else config_of(baseline)
        for one in ranked:
            if len(chosen) < request.top:
                (same if config_of(one) == own else chosen).append(one)
    if same and chosen:
        names = ", ".join(one.name for one in same)
        console.print(f"{names}: the baseline itself, so left out", markup=False)
    return [*(chosen or same[:1]), *([] if baseline is None else [baseline])]


def _with_own_network(
    baseline: Candidate, compose_one: Callable[[str, list[str]], Any]
) -> Candidate:
    """Return a baseline that has the network of its presets; what the sweep's file sets for all
    networks, such as their size, would make it another one.
    """

    def network_of(overrides: list[str]) -> Any:
        return compose_one(baseline.name, overrides).get("model", {}).get("net", {})

    given, wanted = network_of(baseline.overrides), network_of(without_sweep_file(baseline))
    own = changes("model.net", given, wanted)
    return replace(baseline, overrides=[*baseline.overrides, *own])


@contextmanager
def composing(sweep: SweepFolder) -> Iterator[Callable[[str, list[str]], Any]]:
    """Yield what composes the config of a network's training: it takes the network's name, for its
    errors, and the overrides, and raises a UserError if they do not fit.
    """
    name = str(sweep.config.hydra.job.config_name)
    first, *others = sorted(
        _config_folders(sweep), key=lambda folder: not (folder / f"{name}.yaml").is_file()
    )
    added = [
        *(f"file://{folder}" for folder in others),
        *map(str, sweep.config.hydra.searchpath or ()),
    ]
    path = [f"hydra.searchpath={override_text(added)}"] if added else []

    def compose_one(network: str, overrides: list[str]) -> Any:
        try:
            return OmegaConf.to_container(compose(name, overrides=[*overrides, *path]))
        except Exception as error:
            text = " ".join(str(error).partition(SEARCH_PATH)[0].split())
            raise UserError(f"the config of {network} cannot be composed: {text}") from error

    GlobalHydra.instance().clear()
    # the only place where Hydra searches the primary config
    with initialize_config_dir(str(first), version_base="1.3"):
        if compose(
            name, overrides=["hydra/sweeper=study", *path], return_hydra_config=True
        ).hydra.sweeper.params:
            raise UserError(
                f"a confirmation trains given networks, but {name}.yaml names a space; take"
                " `sweeps` out of it"
            )
        yield compose_one


def _config_folders(sweep: SweepFolder) -> list[Path]:
    """Return the folders of the program's configs and of `--config-dir`."""
    return [sweep.main_config_folder(), *map(Path, config_dirs(sweep.config.hydra))]


def _say_plan(
    sweep: SweepFolder, comparison: Comparison, candidates: list[Candidate], jobs: Jobs
) -> None:
    chosen = "the Pareto front's best" if comparison.of_front else "the best"
    running = "; the sweep is still running" if sweep.is_running else ""
    console.print(
        f"study {comparison.study}: {chosen} by {comparison.metric}{running}",
        soft_wrap=True,
        markup=False,
    )
    for candidate in candidates:
        overrides = " ".join(candidate.overrides)
        console.print(
            f"  {candidate.name}: {overrides or '(the defaults)'}", soft_wrap=True, markup=False
        )
    which = (
        f"on {comparison.folds} folds of the data, with a seed"
        if comparison.folds is not None
        else f"with seeds {comparison.seeds[0]} to {comparison.seeds[-1]}"
        if len(comparison.seeds) > 1
        else f"with seed {comparison.seeds[0]}"
    )
    plan = f"{jobs.num_open} trainings to do, {which}, which the search has not used"
    console.print(f"{plan}, in {short_path(jobs.layout.folder)}", soft_wrap=True, markup=False)


def _report(
    sweep: SweepFolder, comparison: Comparison, results: list[Result], verdict: Verdict
) -> None:
    """Write confirm.json and best.yaml and print them."""
    path = document.write(document.document(comparison, results, verdict), sweep.folder)
    console.print()
    Console(highlight=False, width=max(console.width, TABLE_WIDTH)).print(
        table(comparison, results, verdict)
    )
    for line in failures(results, comparison.unit):
        console.print(f"  {line}", style="red", soft_wrap=True, markup=False)
    console.print(verdict.words, style="bold", soft_wrap=True, markup=False)
    console.print(f"  details: {short_path(path)}", soft_wrap=True, markup=False)
    if verdict.winner is not None:
        write_preset(sweep, comparison, verdict)
        console.print(
            f"  the winner as a preset: {preset_command(sweep)}", soft_wrap=True, markup=False
        )
    say_commands((("report", short_path(sweep.folder)), "the search with this confirmation"))


def preset_command(sweep: SweepFolder) -> str:
    """Return the command that trains the winner's preset."""
    return program_command(
        str(sweep.config.hydra.help.app_name),
        "--config-dir",
        short_path(sweep.folder / FOLDER),
        "--config-name",
        "best",
    )


def write_preset(sweep: SweepFolder, comparison: Comparison, verdict: Verdict) -> None:
    """Write the winner as `best.yaml`, with the verdict as its header."""
    assert verdict.winner is not None
    header = [
        f"# {verdict.winner.candidate.name} of study {comparison.study}. {verdict.words}",
        f"# {preset_command(sweep)}",
    ]
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(sweep.main_config_folder()), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        text = preset_of(verdict.winner.candidate.overrides, loader, sweep.config, header)
    write_atomically(sweep.folder / FOLDER / "best.yaml", text)
