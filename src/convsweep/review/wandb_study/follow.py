"""Follows a sweep and keeps the W&B run of its study up to date, seldom enough to cost next to
nothing.
"""

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

EVERY_S = 5.0
FAREWELLS = ("complete", "killed", "error")


def log_once(folder: Path, options: Mapping[str, Any] | None) -> None:
    """Log a study as it stands.

    Raises:
        UserError: The folder holds no study, or one that does not log to W&B.
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
    """Keep the study's run up to date until the sweep says on the standard input how it ended, or
    is gone.

    Where another start of the same sweep is followed already, this one is not.
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
    """Wait so long for a line on the standard input and return it; empty at its end, None if there
    was none.
    """
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    return sys.stdin.readline().strip() if ready else None
