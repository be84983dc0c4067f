"""Checks of a finished sweep against the ledger that its trials wrote."""

import csv
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from application import FATES, Application
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial

COUNTS = {
    "lost": "trials lost",
    "twice": "trials counted twice",
    "missed": "totals not reached",
    "overwritten": "folders overwritten",
    "differ": "states that differ between study, outcome file, sweep.csv and W&B",
    "kind": "trials of a wrong kind, or with a wrong value",
    "left": "processes and temporary files that were left",
    "gave up": "sweeps ended by a transient fault",
    "hung": "sweeps that hung",
    "second folder": "starts of a study in a second folder that were not refused",
}
UNCHARGED = ("infeasible", "duplicate")
STOPPED = ("killed", "paused", "pruned")


@dataclass(frozen=True)
class Violation:
    """A violation of a guarantee.

    Attributes:
        count: Key of `COUNTS`.
        detail: Description.
    """

    count: str
    detail: str


def read_study(app: Application) -> list[FrozenTrial]:
    """Return the trials in the study."""
    storage: BaseStorage
    if app.storage is not None and "://" in app.storage:
        storage = RDBStorage(app.storage.replace("postgresql://", "postgresql+psycopg://"))
    else:
        storage = JournalStorage(JournalFileBackend(str(app.sweep / "study.journal")))
    try:
        return optuna.load_study(study_name="app", storage=storage).trials
    finally:
        if isinstance(storage, RDBStorage):
            storage.remove_session()
            storage.engine.dispose()


def judge(app: Application) -> list[Violation]:
    """Return the violations in a sweep that reports to be finished."""
    trials, ledger = read_study(app), app.ledger()
    found = [
        *of_totals(app, trials),
        *of_trials(trials, ledger, app),
        *of_folders(ledger),
        *of_steps(ledger),
        *of_tables(app, trials),
        *of_files(app),
    ]
    return [Violation(count, detail) for count, detail in found]


def kind(trial: FrozenTrial) -> str:
    """Return the kind of a trial, else its state in lower case."""
    if not trial.state.is_finished():
        is_paused = trial.user_attrs.get("paused_at") is not None
        return "paused" if is_paused else trial.state.name.lower()
    return str(trial.user_attrs.get("kind", trial.state.name.lower()))


def is_charged(trial: FrozenTrial) -> bool:
    """Return whether a trial counts towards the total."""
    return (
        (trial.state.is_finished() or kind(trial) == "paused")
        and kind(trial) not in UNCHARGED
        and not trial.user_attrs.get("retried")
    )


def of_totals(app: Application, trials: list[FrozenTrial]) -> list[tuple[str, str]]:
    """Check that the total is reached exactly and that each chain of retries counts once."""
    charged = [trial for trial in trials if is_charged(trial)]
    found = []
    if len(charged) != app.total:
        found.append(("missed", f"{len(charged)} trials are counted, not {app.total}"))
    for former, count in Counter(trial.user_attrs.get("retry_of") for trial in trials).items():
        if former is not None and count > 1:
            found.append(("twice", f"trial {former} was retried {count} times at once"))
    first = {trial.number: trial.number for trial in trials}
    for trial in trials:
        if "retry_of" in trial.user_attrs:
            first[trial.number] = first[trial.user_attrs["retry_of"]]
    for number, count in Counter(first[trial.number] for trial in charged).items():
        if count > 1:
            found.append(("twice", f"trial {number} and its retries are counted {count} times"))
    return found


def of_trials(
    trials: list[FrozenTrial], ledger: list[dict[str, Any]], app: Application
) -> list[tuple[str, str]]:
    """Check that every trial has the kind and value of its fate, and killed ones were retried."""
    fates = {line["number"]: line["fate"] for line in ledger if line["say"] == "fate"}
    stopped = {line["number"] for line in ledger if line["say"] == "stop"}
    retried = {trial.user_attrs.get("retry_of") for trial in trials}
    found = []
    for trial in trials:
        name, ended_as = f"trial {trial.number}", kind(trial)
        if not trial.state.is_finished() and ended_as != "paused":
            found.append(("lost", f"{name} is still {trial.state.name}"))
        elif ended_as == "killed" and trial.number not in retried:
            reason = trial.user_attrs.get("reason")
            found.append(("lost", f"{name} was killed and not retried ({reason})"))
        elif ended_as == "complete":
            expected = app.steps * trial.params["x"]
            if trial.value is None or abs(trial.value - expected) > 1e-9:
                found.append(("kind", f"{name} has the value {trial.value}, not {expected}"))
        wanted = FATES[fates[trial.number]] if trial.number in fates else "complete"
        others = STOPPED if trial.number in stopped - fates.keys() else ("killed",)
        if trial.state.is_finished() and ended_as not in (wanted, *others):
            reason = trial.user_attrs.get("reason")
            fate = f"fate: {fates.get(trial.number)}; {reason}"
            found.append(("kind", f"{name} is {ended_as}, not {wanted} ({fate})"))
    known = {trial.number for trial in trials}
    found += [
        ("lost", f"trial {n} ran and is not in the study")
        for n in {line["number"] for line in ledger} - known
    ]
    return found


def of_folders(ledger: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Check that every trial began once, in an empty folder, unless it went on after a pause."""
    began = [line for line in ledger if line["say"] == "begin"]
    stopped = {line["number"] for line in ledger if line["say"] == "stop"}
    began = [line for line in began if line["number"] not in stopped or line["start"] == 0]
    found = [
        ("overwritten", f"trial {line['number']} began in a folder with {line['found']}")
        for line in began
        if line["found"]
    ]
    counts = Counter(line["number"] for line in began)
    return found + [
        ("overwritten", f"trial {number} began {count} times")
        for number, count in counts.items()
        if count > 1
    ]


def of_steps(ledger: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Check that no trial did a step twice, as one that lost its checkpoint would."""
    steps = Counter((line["number"], line["step"]) for line in ledger if line["say"] == "step")
    return [
        ("twice", f"trial {number} did step {step} {count} times")
        for (number, step), count in steps.items()
        if count > 1
    ]


def of_tables(app: Application, trials: list[FrozenTrial]) -> list[tuple[str, str]]:
    """Check that study, outcome files and sweep.csv agree."""
    text = (app.sweep / "sweep.csv").read_text()
    rows = {int(row["number"]): row for row in csv.DictReader(text.splitlines())}
    found = []
    if set(rows) != {trial.number for trial in trials}:
        found.append(f"sweep.csv has {len(rows)} trials, the study {len(trials)}")
    for trial in trials:
        name, ended_as = f"trial {trial.number}", kind(trial)
        row = rows.get(trial.number)
        if row is not None and row["kind"] != ended_as:
            found.append(f"{name} is {ended_as} in the study and {row['kind']} in sweep.csv")
        if row is not None and trial.value is not None and row["value"] != str(trial.value):
            found.append(f"{name} has {trial.value} in the study and {row['value']} in sweep.csv")
        file = app.sweep / str(trial.number) / "outcome.json"
        if not file.is_file():
            continue
        outcome = json.loads(file.read_text())
        kind_in_file, values = outcome["kind"], outcome.get("values")
        if kind_in_file != ended_as and not (ended_as == "killed" and outcome.get("stopped")):
            found.append(f"{name} is {ended_as} in the study and {kind_in_file} in its file")
        if ended_as == "complete" and values != trial.values:
            found.append(f"{name} has {trial.values} in the study and {values} in its file")
    return [("differ", detail) for detail in found]


def of_files(app: Application) -> list[tuple[str, str]]:
    """Check that no hidden file and no temporary file is left."""
    allowed = {".study", ".hydra"}
    hidden = [path for path in app.sweep.rglob(".*") if path.name not in allowed]
    made = list((app.folder / "tmp").iterdir())
    return [("left", f"a file: {path.relative_to(app.folder)}") for path in [*hidden, *made]]


def best_is_right(app: Application, trials: list[FrozenTrial]) -> bool:
    """Return whether `best.yaml` names the best trial."""
    complete = [trial for trial in trials if kind(trial) == "complete"]
    best = min(complete, key=lambda trial: float(trial.value or 0.0))
    return Path(app.sweep / "best.yaml").read_text().startswith(f"# Trial {best.number} of study")
