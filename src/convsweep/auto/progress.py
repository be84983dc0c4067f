"""Lines while a stage runs: the best so far against the baseline, and the time left."""

import math
import sys

from convsweep.auto.context import StageContext
from convsweep.auto.evidence import chance, points
from convsweep.auto.files import SPACE, Files, read_rows, score_of
from convsweep.cli.console import say
from convsweep.cli.duration import duration_text
from convsweep.metrics.direction import is_perfect

# Between two lines.
EVERY_S = 30.0


class ProgressLines:
    """Prints progress lines while the search or the finalists run, except in a terminal, where the
    engine shows its table.

    Args:
        context: the run.
        name: of the stage.
    """

    def __init__(self, context: StageContext, name: str) -> None:
        self._context = context
        self._name = name
        self._left = context.left
        self._next = EVERY_S
        self._is_shown = name in (SPACE, "finalists") and not sys.stdout.isatty()

    def show(self, seconds: float) -> None:
        """Print a line if it is time.

        Args:
            seconds: how long the stage has run in this start.
        """
        if not self._is_shown or seconds < self._next:
            return
        self._next = seconds + EVERY_S
        left = self._left - seconds
        parts = [f"{self._name}, {duration_text(seconds)}"]
        if self._name == SPACE:
            parts.append(best_so_far(self._context))
        else:
            rows = read_rows(self._context.files.study / "confirm" / "runs" / "sweep.csv")
            parts.append(f"{sum(row['kind'] == 'complete' for row in rows)} trainings done")
        if math.isfinite(left):
            parts.append(f"{duration_text(left)} left for all")
        say(f"[{'; '.join(parts)}]")


def best_so_far(context: StageContext) -> str:
    """Return the best trial of a running search against the baseline, in words."""
    now = StageContext(context.request, context.folder, context.state)
    files, before = now.files, now.to_beat
    done = files.complete
    against = "" if before is None else f" against {before:.4g} of the baseline"
    if not done:
        return f"{len(files.trials)} trials begun, none complete{against}"
    best = score_of(done[0])
    assert best is not None
    return (
        f"{len(files.trials)} trials, best {files.metric} {best:.4g} (trial"
        f" {done[0]['number']}){against}, one training each{chance_text(files, best)}"
    )


def text_to_beat(context: StageContext) -> str:
    """Return what a search must beat, in words."""
    files, before = context.files, context.files.baseline_value
    if before is None:
        return ""
    lower = "" if files.maximizes else " (lower is better)"
    chance = chance_text(files, before)
    text = f"to beat: {files.metric} {before:.4g} of the baseline{lower}{chance}"
    if is_perfect(files.metric, before):
        text += "; no network can score more there, so the finalists decide"
    if context.search_epochs < context.max_epochs:
        text += (
            f"; it had {context.max_epochs} epochs, trials have {context.search_epochs}, and the"
            " finalists are compared at equal length"
        )
    return text


def chance_text(files: Files, value: float) -> str:
    """Return by how much two equal networks differ by chance, where that is known: samples of a
    group are alike, so that their number says little.
    """
    count = int(files.plan.get("num_val") or 0)
    if not is_accuracy(files) or not count or files.has_groups:
        return ""
    return f"; with {count} samples a difference below {points(chance(value, count))} is chance"


def is_accuracy(files: Files) -> bool:
    """Return whether the metric is the share of samples that are right."""
    return files.metric.rpartition("/")[2] == "accuracy"


def score_text(name: str, context: StageContext) -> str:
    """Return what a stage has found, in words; empty if that is no score."""
    files = context.files
    if name == "baseline":
        score = files.baseline_value
        return "" if score is None else f"{files.metric} {score:.4g}"
    if name == SPACE:
        return best_so_far(context)
    if name == "finalists" and files.confirmation:
        return str(files.confirmation["verdict"]["words"])
    return ""
