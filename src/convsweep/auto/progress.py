"""What is shown while a stage runs: the best so far against the baseline, and the time left."""

import math
import sys

from convsweep.auto.commands.arguments import out
from convsweep.auto.context import StageContext
from convsweep.auto.evidence import chance, chance_by_answers, points
from convsweep.auto.files import SPACE, Files
from convsweep.auto.reading import read_rows, score_of
from convsweep.auto.scores import has_rule
from convsweep.cli.console import say
from convsweep.cli.duration import duration_text
from convsweep.cli.energy import energy_text
from convsweep.metrics.direction import is_perfect
from convsweep.run_folder import write_atomically

# Between two lines, and between two captions of a table.
EVERY_S, CAPTION_EVERY_S = 30.0, 2.0
# Of the time that is left, at most so much for the baseline's answers on the validation part.
VALIDATION_SHARE = 0.03


class Progress:
    """Shows the progress while the search or the finalists run: by lines, or in a terminal by the
    caption of the engine's table.

    Args:
        context: the run.
        name: of the stage.
        place: its number, such as `3 of 9`.
        is_terminal: whether the engine shows its table.
    """

    def __init__(
        self, context: StageContext, name: str, place: str = "", is_terminal: bool | None = None
    ) -> None:
        self._context, self._name, self._place = context, name, place
        self._is_terminal = sys.stdout.isatty() if is_terminal is None else is_terminal
        self._every = CAPTION_EVERY_S if self._is_terminal else EVERY_S
        self._is_shown = name in (SPACE, "finalists")
        self._next = 0.0 if self._is_terminal else EVERY_S
        self._chance = chance_of_answers(context.files) if name == SPACE else None

    def show(self, seconds: float) -> None:
        """Print a line, or write the caption, if it is time.

        Args:
            seconds: how long the stage has run in this start.
        """
        if not self._is_shown or seconds < self._next:
            return
        self._next = seconds + self._every
        parts = self._parts()
        if self._is_terminal:
            stage = f"stage {self._place}, {self._name}"
            write_atomically(self._context.files.caption, "; ".join([stage, *parts]) + "\n")
        else:
            say(f"[{'; '.join([f'{self._name}, {duration_text(seconds)}', *parts])}]")

    def _parts(self) -> list[str]:
        parts = []
        if self._name == SPACE:
            parts.append(best_so_far(self._context, self._chance))
        else:
            rows = read_rows(self._context.files.study / "confirm" / "runs" / "sweep.csv")
            parts.append(f"{sum(row['kind'] == 'complete' for row in rows)} trainings done")
        left = left_text(self._context)
        if left:
            parts.append(f"{left} for all")
        return parts


def left_text(context: StageContext) -> str:
    """Return how much of a limit is left, in words; empty without one."""
    left, joules = context.left, context.request.joules
    if not math.isfinite(left):
        return ""
    of_energy = ""
    if joules is not None and context.watts is not None:
        of_energy = f" and {energy_text(joules - context.state.joules)}"
    return f"{duration_text(left)}{of_energy} left"


def validation_command(context: StageContext) -> list[str]:
    """Return the command that keeps the baseline's answers on the validation part, from which it
    follows what chance explains; empty where that is known without, cannot be, or is not worth the
    time.
    """
    files, metric = context.files, context.files.metric.removeprefix("val/")
    is_long = context.costs().start > VALIDATION_SHARE * context.left
    if is_share_of_samples(files) or not has_rule(metric) or not files.plan.get("num_val"):
        return []
    if files.validated or is_long:
        return []
    options = ["--split", "val", "--worst", "0"]
    return ["evaluate", str(files.baseline), *options, *out(files.validation)]


def best_so_far(context: StageContext, by_answers: float | None) -> str:
    """Return the best trial of a running search against the baseline, in words.

    Args:
        context: the run.
        by_answers: the difference that chance explains, by the baseline's answers.
    """
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
        f" {done[0]['number']}){against}, one training each{chance_text(files, best, by_answers)}"
    )


def text_to_beat(context: StageContext) -> str:
    """Return what a search must beat, in words."""
    files, before = context.files, context.files.baseline_value
    if before is None:
        return ""
    lower = "" if files.maximizes else " (lower is better)"
    by_chance = chance_text(files, before, chance_of_answers(files))
    text = f"to beat: {files.metric} {before:.4g} of the baseline{lower}{by_chance}"
    if is_perfect(files.metric, before):
        text += "; no network can score more there, so the finalists decide"
    if context.search_epochs < context.max_epochs:
        text += (
            f"; it had {context.max_epochs} epochs, trials have {context.search_epochs}, and the"
            " finalists are compared at equal length"
        )
    return text


def chance_text(files: Files, value: float, by_answers: float | None) -> str:
    """Return by how much two equal networks differ by chance, where that is known.

    Args:
        files: of the run.
        value: the score of the better one.
        by_answers: the difference that chance explains, by the baseline's answers.
    """
    count = int(files.plan.get("num_val") or 0)
    if is_share_of_samples(files) and count:
        difference = points(chance(value, count))
    elif by_answers is not None:
        count, difference = len(files.validated), f"{by_answers:.2g}"
    else:
        return ""
    return f"; with {count} samples a difference below {difference} is chance"


def chance_of_answers(files: Files) -> float | None:
    """Return the difference that chance explains, by the baseline's answers on the validation part;
    None without these.
    """
    return chance_by_answers(files.metric.removeprefix("val/"), files.validated)


def is_share_of_samples(files: Files) -> bool:
    """Return whether the metric is the share of samples that are right, and none are alike, so that
    what chance explains follows from their number.
    """
    return files.metric.rpartition("/")[2] == "accuracy" and not files.has_groups


def score_text(name: str, context: StageContext) -> str:
    """Return what a stage has found, in words; empty if that is no score."""
    files = context.files
    if name == "baseline":
        score = files.baseline_value
        return "" if score is None else f"{files.metric} {score:.4g}"
    if name == SPACE:
        return best_so_far(context, chance_of_answers(files))
    if name == "finalists" and files.confirmation:
        return str(files.confirmation["verdict"]["words"])
    return ""
