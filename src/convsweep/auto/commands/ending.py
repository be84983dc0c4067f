"""The commands of the test, the export and the report."""

from importlib.util import find_spec

from convsweep.auto.commands.arguments import LeftOutError, networks, out
from convsweep.auto.context import ENDING_S, StageContext
from convsweep.cli.duration import duration_text
from convsweep.cli.shell_command import shell_command

# By how much of itself a budget may be exceeded for export and report.
OVER = 0.1


def test(context: StageContext) -> list[str]:
    """Return the command that looks at the test part, for the first and only time."""
    if context.files.plan.get("num_test", 1) == 0:
        raise LeftOutError("the data has no test part")
    return ["evaluate", *networks(context), "--split", "test", *out(context.files.test)]


def export(context: StageContext) -> list[str]:
    """Return the command that writes programs of their own."""
    check_ending(context, shell_command("export", *networks(context)))
    onnx = [] if find_spec("onnx") is not None else ["--format", "pt2"]
    return ["export", *networks(context), *onnx, *out(context.files.exported)]


def report(context: StageContext) -> list[str]:
    """Return the command that writes report.html."""
    source = context.files.study if context.files.trials else context.files.networks[0]
    check_ending(context, f"convsweep report {source}")
    return ["report", str(source), "--out", str(context.folder / "report.html")]


def check_ending(context: StageContext, command: str) -> None:
    """Check that there is time for a stage that can be done later as well.

    Raises:
        LeftOutError: the budget would be exceeded by more than a tenth.
    """
    needed = context.costs().start + ENDING_S / 2
    if context.seconds is not None and needed > context.left + OVER * context.seconds:
        raise LeftOutError(
            f"it takes about {duration_text(needed)}, which are not left; later: {command}"
        )
