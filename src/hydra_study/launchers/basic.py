"""Hydra's own launcher `basic`: one worker, in this process."""

from hydra_study.launchers.workers import Workers


class LocalWorker(Workers):
    """The worker that runs in this process, without a job of the launcher."""

    is_local = True
