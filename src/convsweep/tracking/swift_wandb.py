"""Lets a W&B run start sooner: packages and git are asked once, and its process is not waited for in vain.

A sweep's template loads the modules of its first trial, so the trials after that find the list of packages here. Reading the
metadata of every package takes longer than all else that a run does in this process.
"""

import contextlib
import functools
import time
from collections.abc import Callable
from typing import Any

import wandb.util

LOOK_EVERY_S = 0.01
"""wandb-core is there after 30 ms; W&B looks for it every 200."""

PACKAGES: list[Any] = list(getattr(wandb.util, "working_set", list)())


def load_wandb() -> Any:
    """Return W&B, which hands on what was read and looks often, as far as its release allows that."""
    wandb.util.working_set = lambda: PACKAGES
    with contextlib.suppress(ImportError):
        from wandb.sdk.lib.service import service_port_file

        service_port_file._SLEEP = lambda seconds: time.sleep(min(float(seconds), LOOK_EVERY_S))
    return wandb


@functools.cache
def ask_git_once() -> None:
    """Let git say now what W&B asks of it, four processes a run, and W&B hear it from memory.

    For a sweep's template: what its trials run is the commit that was checked out when it was loaded.
    """
    with contextlib.suppress(ImportError, AttributeError):
        from wandb.sdk.lib import gitlib

        gitlib.run_git = remembered(gitlib.run_git, gitlib.GitCommandError)
        repository = gitlib.GitRepo(lazy=False)
        with contextlib.suppress(gitlib.GitCommandError):
            _ = repository.remote_url, repository.last_commit


def remembered(ask: Callable[..., str], refusal: type[Exception]) -> Callable[..., str]:
    """Return a way to ask git that asks the same only once, wherever it is asked."""
    answers: dict[tuple[str, ...], str | Exception] = {}

    def answer(*question: str, **where: Any) -> str:
        if question not in answers:
            try:
                answers[question] = ask(*question, **where)
            except refusal as error:
                answers[question] = error
        told = answers[question]
        if isinstance(told, Exception):
            raise refusal(*told.args)
        return told

    return answer
