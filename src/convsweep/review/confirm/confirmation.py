"""The steps of a confirmation: choose, check, train, measure, judge, report."""

from collections.abc import Mapping
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf
from rich.console import Console

from convsweep.cli.console import console, short_path
from convsweep.cli.next_commands import say_commands
from convsweep.cli.shell_command import program_command
from convsweep.errors import SEARCH_PATH, UserError
from convsweep.review.confirm import document, engine
from convsweep.review.confirm.candidates import Candidate, choose, ranking_objective
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
    candidates = choose(sweep, request)
    folds = None if request.folds is None else Folds(request.folds, first_seed(sweep))
    jobs = Jobs(sweep, test=request.test, folds=folds)
    _check_configs(sweep, {one.name: jobs.overrides_of(one, 0) for one in candidates})
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


def _check_configs(sweep: SweepFolder, candidates: Mapping[str, list[str]]) -> None:
    """Compose a training of every candidate, so that a misspelt key is reported before training."""
    name = str(sweep.config.hydra.job.config_name)
    first, *others = sorted(
        _config_folders(sweep), key=lambda folder: not (folder / f"{name}.yaml").is_file()
    )
    path = (
        [f"hydra.searchpath={override_text([f'file://{folder}' for folder in others])}"]
        if others
        else []
    )
    GlobalHydra.instance().clear()
    # the only place where Hydra searches the primary config
    with initialize_config_dir(str(first), version_base="1.3"):
        for candidate, overrides in candidates.items():
            try:
                compose(name, overrides=[*overrides, *path])
            except Exception as error:
                text = " ".join(str(error).partition(SEARCH_PATH)[0].split())
                raise UserError(f"the config of {candidate} cannot be composed: {text}") from error
        if compose(
            name, overrides=["hydra/sweeper=study", *path], return_hydra_config=True
        ).hydra.sweeper.params:
            raise UserError(
                f"a confirmation trains given networks, but {name}.yaml names a space; take"
                " `sweeps` out of it"
            )


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
