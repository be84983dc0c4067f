"""Commands that train the winner again and resume the search, and the winner's preset."""

from convsweep.cli.console import short_path
from convsweep.cli.shell_command import TRAIN, program_command
from convsweep.review.report.rendering.blocks import Block, Code, Text
from convsweep.review.report.trial_files import trial_checkpoint
from convsweep.review.study import Sweep
from hydra_study import SweepPaths, attributes


def reproduce_blocks(sweep: Sweep) -> list[Block]:
    """Return the commands."""
    blocks: list[Block] = []
    if sweep.best is not None:
        blocks += winner(sweep)
    began = sweep_command(sweep)
    if began is not None:
        blocks += [
            Text(
                "The search itself; the same command resumes it,"
                " `hydra.sweeper.n_trials` is a total:"
            )
        ]
        blocks.append(Code(began))
    return blocks


def winner(sweep: Sweep) -> list[Block]:
    """Return the commands that train the best trial again."""
    best = sweep.best
    assert best is not None
    blocks: list[Block] = []
    program = program_of(sweep)
    preset = SweepPaths(sweep.folder).preset if sweep.folder else None
    if preset is not None and preset.is_file():
        blocks += [
            Text(
                f"Train the best network (trial {best.number}) again, by the preset that the sweep"
                " has written:"
            )
        ]
        blocks += [
            Code(
                program_command(
                    program, "--config-dir", short_path(preset.parent), "--config-name", preset.stem
                )
            )
        ]
        blocks += [
            Text(f"`{preset.name}`, which any other override can be added to:"),
            Code(preset.read_text(), "yaml"),
        ]
    elif attributes.OVERRIDES in best.user_attrs:
        overrides = best.user_attrs[attributes.OVERRIDES]
        blocks += [
            Text(f"Train the best network (trial {best.number}) again:"),
            Code(program_command(program, *overrides)),
        ]
    checkpoint = trial_checkpoint(sweep, best)
    if checkpoint is not None:
        blocks.append(Text(f"Its checkpoint: `{short_path(checkpoint)}`"))
    return blocks


def sweep_command(sweep: Sweep) -> str | None:
    """Return the command line of the sweep, None if unknown."""
    task, own = (
        sweep.config_value("hydra.overrides.task"),
        sweep.config_value("hydra.overrides.hydra"),
    )
    if task is None:
        return None
    overrides = [str(text) for text in [*task, *(own or [])] if str(text) != "hydra.mode=MULTIRUN"]
    return program_command(program_of(sweep), "-m", *overrides)


def program_of(sweep: Sweep) -> str:
    """Return the name of the program that the sweep was started by."""
    return str(sweep.config_value("hydra.help.app_name") or TRAIN)
