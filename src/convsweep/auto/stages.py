"""The stages of a run, in their order: what each is for, and its command."""

from collections.abc import Callable
from dataclasses import dataclass

from convsweep.auto import commands
from convsweep.auto.context import StageContext
from convsweep.auto.files import SPACE


@dataclass(frozen=True)
class AutoStage:
    """A stage.

    Attributes:
        name: of it, and mostly of its folder.
        purpose: what it is for, for the table.
        command: returns the arguments after `convsweep`; None for the card, which has none.
            Raises LeftOutError.
        is_needed: whether its failure ends the run.
    """

    name: str
    purpose: str
    command: Callable[[StageContext], list[str]] | None
    is_needed: bool = True


STAGES = (
    AutoStage("plan", "look at the data, decide, measure", commands.plan),
    AutoStage("baseline", "train the plan's own network", commands.baseline),
    AutoStage(SPACE, "look for better networks", commands.search),
    AutoStage("finalists", "the best ones against the baseline, several seeds", commands.finalists),
    AutoStage(
        "winner",
        "train the chosen one on all data that is not test",
        commands.winner,
        is_needed=False,
    ),
    AutoStage("test", "the test part, once", commands.test),
    AutoStage("export", "programs to use elsewhere", commands.export, is_needed=False),
    AutoStage("report", "report.html", commands.report, is_needed=False),
    AutoStage("card", "card.md", None),
)
