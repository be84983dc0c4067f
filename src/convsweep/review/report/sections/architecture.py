"""The winner's architecture by stage: a drawing and a table, from its resolved config."""

from pathlib import Path

from optuna.trial import FrozenTrial

from convsweep.errors import UserError
from convsweep.review.report.rendering.blocks import Block, Cell, Drawing, Table, Text
from convsweep.review.report.sections.drawing import draw
from convsweep.review.report.sections.parts import architecture_of
from convsweep.review.report.trial_files import trial_folder
from convsweep.review.study import Sweep
from convsweep.run_folder import CONFIG


def trial_blocks(sweep: Sweep, trial: FrozenTrial) -> list[Block]:
    """Return the architecture of a trial, or the reason why it cannot be drawn."""
    folder = trial_folder(sweep, trial)
    if folder is None:
        summary = trial.user_attrs.get("summary")
        known = f" What the study knows of it: {summary}." if summary else ""
        return [
            Text(
                f"The folder of trial {trial.number} is not on this machine, so its network cannot"
                f" be drawn.{known}"
            )
        ]
    return config_blocks(folder / CONFIG)


def config_blocks(config: Path) -> list[Block]:
    """Return the architecture of a resolved config, or the reason why it cannot be drawn."""
    if not config.is_file():
        return [
            Text(
                f"There is no `{config.name}` in `{config.parent}`, so the network cannot be drawn."
            )
        ]
    try:
        net = architecture_of(config)
    except (UserError, ImportError) as error:
        return [Text(f"The network cannot be drawn here: {error}")]
    from convsweep.cost import in_si
    from convsweep.nets.geometry import shape_text

    rows: list[list[Cell]] = [
        [
            part.title,
            "; ".join(part.does) + (f"; skip: {part.skip}" if part.skip else ""),
            shape_text(part.out_shape),
            part.params,
            in_si(part.macs),
            part.sees or "",
        ]
        for part in net.parts
    ]
    return [
        Text(
            f"{net.summary}. The height of a block is the size of its feature maps, its width their"
            " number (log scales)."
        ),
        Drawing(draw(net)),
        Table(
            ["part", "layers", "returns", "parameters", "MACs", "sees"], rows, 40, in_markdown=40
        ),
    ]
