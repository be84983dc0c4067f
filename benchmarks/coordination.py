"""Measure the cost of coordination: workers with simulated trainings, on a study with many finished
trials.

    uv run python benchmarks/coordination.py --workers 64 --finished 1000 10000   # a journal file
    # a database
    uv run python benchmarks/coordination.py --workers 64 --storage postgresql://user@host/db

Only the training is simulated. The workers are real: processes with their own connection to the
study, heartbeat, reaping, and share of writing `sweep.csv`. Trials take no time, so the printed rate
is the highest that coordination can reach here; W workers with trials of T seconds need W / T trials
per second. CPU times are those of one worker, with a database server on this machine listed apart.
"""  # noqa: E501

import argparse
import gc
import multiprocessing
import os
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from optuna.trial import TrialState, create_trial
from server_load import look

from hydra_study import attributes
from hydra_study.config import PRUNERS, SAMPLERS, StudyConf
from hydra_study.display import tables
from hydra_study.display.watcher import Watcher
from hydra_study.objectives import parse_objectives
from hydra_study.processes.messages import Channel
from hydra_study.processes.worker import Worker
from hydra_study.space.grammar import parse_parameters
from hydra_study.space.space import Space
from hydra_study.storage.heartbeat import Heartbeat
from hydra_study.storage.storage import create_study, open_storage, open_study
from hydra_study.sweep_spec import Job, SweepSpec
from hydra_study.trials.sampling import build_pruner, build_sampler

REPORTS = 5
COLUMNS = (
    *("storage", "finished", "workers", "sampler"),
    *("opening: s", "CPU s", "MiB"),
    *("trials a second", "CPU ms a trial"),
    *("server: CPU ms a trial", "transactions", "connections"),
    *("s a trial for 10 % waiting", "load before"),
)
PARAMETERS = {f"x{index}": "interval(0,1)" for index in range(6)}


class SimulatedForkServer:
    """Stands in for the fork server: a trial is a thread that reports and ends."""

    lock = -1

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self.control, self._said = Channel(ours), Channel(theirs)

    def begin(self, job: Job) -> Channel:
        """Start a trial."""
        ours, theirs = socket.socketpair()
        threading.Thread(target=self._train, args=(job, Channel(theirs)), daemon=True).start()
        return Channel(ours)

    def _train(self, job: Job, channel: Channel) -> None:
        channel.ask(
            {
                "type": "ready",
                "hash": "/".join(job.overrides),
                "attributes": {"params": 1000, "macs": 1000},
            }
        )
        value = sum(float(text.partition("=")[2]) for text in job.overrides)
        for step in range(REPORTS):
            channel.ask({"type": "report", "step": step, "value": value + 1 / (step + 1)})
        channel.send(
            {"type": "end", "outcome": {"kind": "complete", "values": [value], "seconds": 1.0}}
        )
        self._said.send({"type": "exited", "number": job.number, "signal": None})

    def receive(self) -> tuple[list[dict[str, Any]], bool]:
        """Return the messages about ended trials."""
        return self.control.receive()

    def close(self) -> None:
        """Do nothing: the trials have ended."""


def make_spec(
    folder: Path, storage: str | None, workers: int, sampler: str, n_trials: int
) -> SweepSpec:
    """Return a sweep over six numbers."""
    options = StudyConf(
        study_name="cost", storage=storage, workers=workers, slots=1, n_trials=n_trials, view="none"
    )
    options.params = dict(PARAMETERS)
    options.sampler, options.pruner = SAMPLERS[sampler], PRUNERS["median"]
    unused: Any = None
    return SweepSpec(
        unused,
        unused,
        unused,
        options,
        parse_objectives("minimize", None),
        folder,
        [],
        "now",
        False,
        "",
        None,
    )


def make_space(spec: SweepSpec) -> Space:
    """Return the space of the sweep."""
    loader: Any = None  # for config groups, of which there is none
    return Space(parse_parameters(spec.options.params, [], loader))


def fill(spec: SweepSpec, space: Space, count: int) -> None:
    """Add `count` finished trials to the study; in a database as copies of the first thousand."""
    study = create_study(open_storage(spec.options.storage, spec.paths, 1), "cost", spec.objectives)
    added = count if spec.options.storage is None else min(count, 1000)
    for number in range(added):
        values = {name: (number * (7 + index) % 997) / 997 for index, name in enumerate(PARAMETERS)}
        overrides = [f"{name}={value}" for name, value in values.items()]
        info = {
            attributes.KIND: "complete",
            attributes.HASH: f"{number:016d}",
            attributes.OVERRIDES: overrides,
        }
        info |= {
            attributes.WORKER: "before",
            attributes.SESSION: "before",
            attributes.SECONDS: 1.0,
            "params": 1000,
            "macs": 1000,
        }
        reports = {step: sum(values.values()) + 1 / (step + 1) for step in range(REPORTS)}
        study.add_trial(
            create_trial(
                state=TrialState.COMPLETE,
                value=sum(values.values()),
                params=values,
                distributions=space.searched,
                user_attrs=info,
                intermediate_values=reports,
            )
        )
    if added < count:
        copy_trials(engine_of(spec.options.storage), added, count // added)


def copy_trials(engine: sqlalchemy.Engine, added: int, times: int) -> None:
    """Copy the trials of the only study in a PostgreSQL database; adding them one by one would take
    an hour.
    """
    tables = (
        "trials",
        "trial_params",
        "trial_values",
        "trial_intermediate_values",
        "trial_user_attributes",
    )
    keys = ("param_id", "trial_value_id", "trial_intermediate_value_id", "trial_user_attribute_id")
    with engine.begin() as connection:
        inspector = sqlalchemy.inspect(connection)
        columns = {
            table: [c["name"] for c in inspector.get_columns(table) if c["name"] not in keys]
            for table in tables
        }
        for time_ in range(1, times):
            moved = {
                "trial_id": f"trial_id + {time_ * added}",
                "number": f"number + {time_ * added}",
            }
            for table, names in columns.items():
                values = ", ".join(moved.get(name, name) for name in names)
                among = f"trial_id IN (SELECT trial_id FROM trials WHERE number < {added})"
                connection.execute(
                    sqlalchemy.text(
                        f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {table}"
                        f" WHERE {among}"
                    )
                )
        connection.execute(
            sqlalchemy.text(
                "SELECT setval('trials_trial_id_seq', (SELECT max(trial_id) FROM trials))"
            )
        )


def engine_of(url: str) -> sqlalchemy.Engine:
    """Return an engine for a PostgreSQL database that keeps no connection open."""
    return sqlalchemy.create_engine(
        url.replace("postgresql:", "postgresql+psycopg:"), poolclass=sqlalchemy.NullPool
    )


def work(spec: SweepSpec, index: int, begin: Any, costs: Any) -> None:
    """Run one worker until the budget is spent, and add its costs to the shared array `costs`."""
    began, before_mib = (time.monotonic(), time.process_time()), resident_mib()
    heartbeat = Heartbeat(spec.paths.workers, f"now-{index}")
    try:
        storage = open_storage(spec.options.storage, spec.paths, spec.options.workers, is_made=True)
        study = open_study(storage, "cost", pruner=build_pruner(spec))
        num_trials = len(study.get_trials(deepcopy=False))
        study.sampler = build_sampler(spec, index, num_trials, says_so=False)
    except BaseException:
        begin.abort()
        raise
    opening = (
        time.monotonic() - began[0],
        time.process_time() - began[1],
        resident_mib() - before_mib,
    )
    space = make_space(spec)
    tables.preset = lambda best, spec: ""  # needs Hydra, and is rare
    begin.wait()
    began_trials = time.process_time()
    with Watcher(spec, study, shows=False) as watcher:
        fork_server: Any = SimulatedForkServer()
        Worker(spec, index, fork_server, heartbeat, study, space, watcher).run()
    with costs.get_lock():
        for place, cost in enumerate((*opening, time.process_time() - began_trials)):
            costs[place] += cost


def resident_mib() -> float:
    """Return the private memory of this process in MiB."""
    return (
        sum(
            int(line.split()[1])
            for line in Path("/proc/self/smaps_rollup").read_text().splitlines()
            if line.startswith("Private")
        )
        / 1024
    )


def measure(
    folder: Path, storage: str | None, workers: int, sampler: str, finished: int, trials: int
) -> str:
    """Return a row of the table."""
    shutil.rmtree(folder, ignore_errors=True)
    spec = make_spec(folder, storage, workers, sampler, finished + trials)
    spec.paths.make()
    opened = open_storage(storage, spec.paths, 1)
    if "cost" in optuna.get_all_study_names(opened):
        optuna.delete_study(study_name="cost", storage=opened)
    fill(spec, make_space(spec), finished)
    engine = None if storage is None else engine_of(storage)
    del opened
    gc.collect()
    gc.freeze()  # forked workers must not pay for collecting this process's objects
    fork = multiprocessing.get_context("fork")
    begin, costs = fork.Barrier(workers + 1), fork.Array("d", 4)
    load = os.getloadavg()[0]
    processes = [
        fork.Process(target=work, args=(spec, index, begin, costs)) for index in range(workers)
    ]
    for process in processes:
        process.start()
    begin.wait()
    began, before = time.monotonic(), look(engine)
    for process in processes:
        process.join()
    seconds, after = time.monotonic() - began, look(engine)
    done = optuna.load_study(
        study_name="cost", storage=open_storage(storage, spec.paths, 1)
    ).get_trials(deepcopy=False)
    complete = sum(trial.state == TrialState.COMPLETE for trial in done)
    assert (
        complete + sum(trial.state == TrialState.PRUNED for trial in done)
        == finished + trials
        == len(done)
    ), "trials were lost"
    wall, cpu, mib = (cost / workers for cost in costs[:3])
    server = (after.cpu_s - before.cpu_s, after.transactions - before.transactions)
    figures = [
        *("journal" if storage is None else storage.partition(":")[0], finished, workers, sampler),
        *(f"{wall:.1f}", f"{cpu:.2f}", f"{mib:.0f}"),
        *(f"{trials / seconds:.1f}", f"{1000 * costs[3] / trials:.0f}"),
        *(f"{1000 * server[0] / trials:.0f}", f"{server[1] / trials:.0f}", before.connections),
        *(f"{workers * seconds / trials * 10:.0f}", f"{load:.0f}"),
    ]
    return f"| {' | '.join(map(str, figures))} |"


def main(arguments: Sequence[str]) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--storage", default=None, help="URL of a database; default: a journal file"
    )
    parser.add_argument("--finished", type=int, nargs="+", default=[0, 1000, 10000])
    parser.add_argument("--workers", type=int, nargs="+", default=[64])
    parser.add_argument("--trials", type=int, default=256, help="how many trials are measured")
    parser.add_argument("--sampler", default="random", choices=sorted(SAMPLERS))
    given = parser.parse_args(arguments)
    print(f"{os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}")
    print(f"| {' | '.join(COLUMNS)} |")
    print("|---" * len(COLUMNS) + "|")
    with tempfile.TemporaryDirectory() as folder:
        for workers in given.workers:
            for finished in given.finished:
                row = measure(
                    Path(folder) / "sweep",
                    given.storage,
                    workers,
                    given.sampler,
                    finished,
                    given.trials,
                )
                print(row, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
