"""Run a sweep that trains networks and logs them to a W&B server, which is down for a while."""

import sys
import time
from pathlib import Path
from typing import Any

from episode import Episode
from judge import is_charged, kind, of_files, of_tables, of_totals, read_study
from plan import Planned
from processes import processes_of

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests" / "tracking"))

from wandb_server import WandbServer  # noqa: E402

STATES = {"complete": "finished", "pruned": "finished", "diverged": "failed", "error": "failed"}
# Temporary files of torch and W&B that stay, or stay if a process is killed.
OF_OTHERS = ("torchinductor_", "wandb-artifacts", "wandb-media")

OPTIONS = [
    "hydra/sweeper=study",
    "hydra/sweeper/sampler=random",
    "hydra.sweeper.view=lines",
    "hydra.sweeper.study_name=app",
    "hydra.sweeper.policy.killed=retry 50",
    "logger=wandb",
    "test=false",
    "trainer.max_epochs=3",
    "optimizer.lr=tag(log,interval(1e-4,1e-2))",
]


class PipelineEpisode(Episode):
    """One sweep of trainings under faults."""

    def _prepare(self) -> None:
        self.app.sweep.mkdir(parents=True)
        (self.app.folder / "tmp").mkdir()
        (self.app.folder / "ledger.jsonl").touch()
        self._server = WandbServer().start()

    def close(self) -> None:
        """Kill all processes, and stop the server."""
        super().close()
        self._server.stop()

    def _own_environment(self) -> dict[str, str]:
        folder = self.app.folder
        return {
            "WANDB_BASE_URL": self._server.url,
            "WANDB_API_KEY": "0" * 40,
            "WANDB_MODE": "online",
            "WANDB_CONFIG_DIR": str(folder / "wandb_config"),
            "WANDB_CACHE_DIR": str(folder / "wandb_cache"),
            "NETRC": str(folder / "netrc"),
        }

    def _command(self) -> list[str]:
        own = [
            f"hydra.sweeper.n_trials={self.plan.total}",
            f"hydra.sweeper.slots={self.plan.slots}",
            f"hydra.sweep.dir={self.app.sweep}",
        ]
        storage = [f"hydra.sweeper.storage={self.app.storage}"] if self.app.storage else []
        return [str(ROOT / "train.py"), "-m", *OPTIONS, *own, *storage]

    def _count_lines(self) -> int:
        return sum(path.read_bytes().count(b"\n") for path in self.app.sweep.glob("*/metrics.csv"))

    def _trial_processes(self) -> set[int]:
        """Return the processes that lead a session: trials, but not W&B's service."""
        found = processes_of(self.mark).values()
        return {
            each.pid for each in found if each.session == each.pid and "wandb" not in each.command
        }

    def _without_wandb(self, fault: Planned) -> bool:
        self._say("W&B gone")
        self._server.stop()
        time.sleep(fault.length_s)
        self._server.start_again()
        self._say("W&B is back")
        return True

    def _judge(self) -> None:
        self._judge_processes()
        trials = read_study(self.app)
        files = [
            each for each in of_files(self.app) if not any(name in each[1] for name in OF_OTHERS)
        ]
        found = [*of_totals(self.app, trials), *of_tables(self.app, trials), *files]
        for trial in trials:
            if not trial.state.is_finished():
                found.append(("lost", f"trial {trial.number} is still {trial.state.name}"))
            elif is_charged(trial):
                found += self._of_wandb(trial)
        for count, detail in found:
            self._violate(count, detail)

    def _of_wandb(self, trial: Any) -> list[tuple[str, str]]:
        """Check that the server agrees with the study about a trial, or that its offline run is in
        its folder.
        """
        ended_as, identity = kind(trial), trial.user_attrs.get("wandb_id")
        run = self._server.runs.get(str(identity))
        if run is None:
            kept = list((self.app.sweep / str(trial.number)).rglob("*.wandb"))
            return (
                []
                if kept
                else [
                    (
                        "differ",
                        (
                            f"trial {trial.number} has no run in W&B and none in its folder"
                            f" ({identity})"
                        ),
                    )
                ]
            )
        if run.state == STATES.get(ended_as) and run.summary.get("outcome") == ended_as:
            return []
        kept = list((self.app.sweep / str(trial.number)).rglob("offline-run-*/*.wandb"))
        words = f"{run.state}, {run.summary.get('outcome')} in W&B"
        return (
            []
            if kept
            else [("differ", f"trial {trial.number} is {ended_as} in the study and {words}")]
        )
