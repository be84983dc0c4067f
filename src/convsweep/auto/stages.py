"""The stages of a run, in their order: what each is for, and its command."""

from collections.abc import Callable
from dataclasses import dataclass

from convsweep.auto.commands.beginning import baseline, plan
from convsweep.auto.commands.ending import export, report, test
from convsweep.auto.commands.finalists import finalists
from convsweep.auto.commands.search import search
from convsweep.auto.commands.winner import winner
from convsweep.auto.context import StageContext
from convsweep.auto.files import SPACE, WINNER


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
    AutoStage("plan", "look at the data, decide, measure", plan),
    AutoStage("baseline", "train the plan's own network", baseline),
    AutoStage(SPACE, "look for better networks", search, is_needed=False),
    AutoStage("finalists", "the best ones against the baseline, several seeds", finalists),
    AutoStage(
        WINNER,
        "train the chosen one on all data that is not test",
        winner,
        is_needed=False,
    ),
    AutoStage("test", "the test part, once", test),
    AutoStage("export", "programs to use elsewhere", export, is_needed=False),
    AutoStage("report", "report.html", report, is_needed=False),
    AutoStage("card", "card.md", None),
)
