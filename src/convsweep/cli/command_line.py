"""Additions to Hydra's command line: `resume=`, unquoted paths, hints for misspelt keys, errors of
the user without a traceback.
"""

import functools
import signal
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from convsweep.cli.hydra_answers import better_answer
from convsweep.cli.hydra_version import own_configs_may_name_any_class
from convsweep.cli.known_words import check_dashes
from convsweep.cli.override_quotes import quote_values
from convsweep.distributed import ranks
from convsweep.errors import UserError
from convsweep.patches import apply_patches
from convsweep.patches import hydra as hydra_patches
from convsweep.run_folder import remove_unused
from hydra_study import FULL_ERROR, config_arguments, trial, wants_traceback

DRY_RUN, PREVIEW = "--dry-run", "convsweep.planning.search_preview.preview"
MULTIRUN, HELP = {"-m", "--multirun"}, {"-h", "--help"}


def config_folder() -> Path:
    """Return the folder `conf` of the installed package or of the checkout."""
    installed = Path(__file__).parents[1] / "conf"
    return installed if installed.is_dir() else Path(__file__).parents[3] / "conf"


def expand_resume(arguments: list[str]) -> list[str]:
    """Return the arguments with `resume=FOLDER` replaced by the overrides of the run in that
    folder.

    The run continues in its own folder from its last checkpoint. Further overrides take precedence
    over those of the run.

    Raises:
        UserError: the folder holds no run, or the run shall continue in another one without a
            checkpoint being named.
    """
    folders = [
        argument.removeprefix("resume=") for argument in arguments if argument.startswith("resume=")
    ]
    if not folders:
        return arguments
    folder = Path(folders[-1]).expanduser().absolute()
    saved = folder / ".hydra" / "overrides.yaml"
    if not saved.is_file():
        raise UserError(
            f"resume must name the folder of a run, but {folder} holds none (no"
            " .hydra/overrides.yaml)"
        )
    from omegaconf import OmegaConf

    overrides = [str(override) for override in OmegaConf.load(saved)]
    others = [argument for argument in arguments if not argument.startswith("resume=")]
    keys = {argument.partition("=")[0] for argument in others}
    if "hydra.run.dir" in keys and "ckpt_path" not in keys:
        raise UserError(
            "resume continues in the folder of the run; to continue in that of hydra.run.dir, name"
            f" the file too: ckpt_path={folder}/checkpoints/last.ckpt"
        )
    config = config_arguments(OmegaConf.load(saved.with_name("hydra.yaml")).hydra)
    return [*config, *overrides, f"hydra.run.dir={quote(folder)}", "ckpt_path=last", *others]


def expand_dry_run(arguments: list[str]) -> list[str]:
    """Return the arguments with `--dry-run` replaced by the override that shows what a search would
    do.

    Raises:
        UserError: it is not a search.
    """
    if DRY_RUN not in arguments:
        return arguments
    if not MULTIRUN & set(arguments):
        raise UserError(
            f"{DRY_RUN} says what a search would do, but there is none; add -m and a space, or try"
            " a single training by debug=fast"
        )
    others = [argument for argument in arguments if argument != DRY_RUN]
    return [*others, f"hydra.sweeper.preview={PREVIEW}"]


def multirun_first(arguments: list[str]) -> list[str]:
    """Return the arguments with `-m` moved to the front, since Hydra refuses overrides on both
    sides of an option.
    """
    return sorted(arguments, key=lambda argument: argument not in MULTIRUN)


def quote(path: Path) -> str:
    """Return a path as a value of Hydra's override grammar."""
    text = str(path).replace("'", "\\'")
    return f"'{text}'"


def user_errors(task: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Wrap a task function so that a `UserError` ends the program with its message only
    (HYDRA_FULL_ERROR=1 shows the traceback).
    """

    @functools.wraps(task)
    def run(cfg: Any) -> Any:
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode

        try:
            with own_configs_may_name_any_class():
                return task(cfg)
        except UserError as error:
            alone = HydraConfig.initialized() and HydraConfig.get().mode == RunMode.RUN
            if not alone or trial.in_trial() or wants_traceback():
                raise
            if ranks.is_first() and getattr(error, "kind", "error") != "diverged":
                remove_unused(Path(HydraConfig.get().runtime.output_dir))
            fail(error)

    return run


def fail(error: ValueError) -> NoReturn:
    """Print the message and end with exit code 1."""
    sys.stderr.write(message(str(error)))
    raise SystemExit(1)


def message(text: str) -> str:
    """Return the text printed for a user's mistake."""
    return f"Error: {text}\n({FULL_ERROR}=1 shows where)\n"


def run(main: Callable[[], Any]) -> None:
    """Run a Hydra main function. Error messages for a misspelt key or option end with the closest
    known one.
    """
    if HELP & set(sys.argv[1:]):
        apply_patches(hydra_patches.PATCHES)
    # ours has its name
    warnings.filterwarnings(
        "ignore", r"\n?'hydra/launcher/ray' is validated against ConfigStore schema"
    )
    try:
        call(main)
    except SystemExit as exit:
        hint = None if wants_traceback() else better_answer(exit.__context__)
        if hint is not None:
            sys.stderr.write(f"Error: {hint}\n")
        raise


def call(main: Callable[[], Any]) -> None:
    """Run a Hydra main function and exit with the exit code of a command."""
    try:
        sys.argv[1:] = expand_dry_run(sys.argv[1:])
        check_dashes(sys.argv[1:])
        sys.argv[1:] = ranks.join(multirun_first(quote_values(expand_resume(sys.argv[1:]))))
        main()
    except UserError as error:
        if wants_traceback():
            raise
        fail(error)
    except KeyboardInterrupt:
        raise SystemExit(128 + signal.SIGINT) from None
    except SystemExit as exit:
        killed_by = signal_of(exit)
        if killed_by is not None:
            raise SystemExit(128 + killed_by) from exit
        raise


def signal_of(exit: SystemExit) -> signal.Signals | None:
    """Return the signal that made Lightning exit (with code 0 or 1); None if it was no signal."""
    if isinstance(exit.__context__, KeyboardInterrupt):
        return signal.SIGINT
    return signal.SIGTERM if type(exit).__name__ == "SIGTERMException" else None
