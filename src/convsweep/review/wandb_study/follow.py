"""Updates of a study's W&B run during a sweep, at a rate with negligible cost."""

import select
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from convsweep.errors import UserError
from convsweep.review.report.source import find_study, load_sweep
from convsweep.review.wandb_study.run import SHARE, StudyRun
from hydra_study import SweepPaths, try_lock

# Between two looks at the study.
EVERY_S = 5.0
FAREWELLS = ("complete", "killed", "error")


def log_once(folder: Path, options: Mapping[str, Any] | None) -> None:
    """Log the present state of a study.

    Raises:
        UserError: the folder holds no study, or one that does not log to W&B.
    """
    sweep = load_sweep(str(folder), None)
    if options is None:
        raise UserError(
            f"a study is logged where its trials are, but the logger of {folder} is not W&B; see"
            " logger/wandb.yaml"
        )
    with StudyRun(folder, options) as run:
        run.update(sweep, final=True)


def follow(folder: Path, options: Mapping[str, Any]) -> None:
    """Update the study's run until the sweep reports its outcome on standard input, or has ended.

    Returns at once if another process follows the same sweep.
    """
    if try_lock(SweepPaths(folder).own / "observer.lock") is None:
        return
    study = find_study(str(folder), None)
    with StudyRun(folder, options) as run:
        ended = None
        while ended is None:
            began = time.monotonic()
            sweep = study.read()
            reading = time.monotonic() - began
            if sweep.trials:
                run.update(sweep)
            ended = wait_for_word(max(EVERY_S, SHARE * reading))
        run.outcome = ended if ended in FAREWELLS else "killed"
        run.update(study.read(), final=True)


def wait_for_word(seconds: float) -> str | None:
    """Wait for a line on standard input and return it: empty at its end, None after the timeout."""
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    return sys.stdin.readline().strip() if ready else None
