"""Workers do not wait for each other, lose no trial, and do not grow."""

import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

from hydra_study import attributes
from hydra_study.errors import StudyError
from hydra_study.paths import SweepPaths
from hydra_study.storage.journal import cut_torn_line, open_journal
from hydra_study.storage.storage import open_storage

from .conftest import PATIENCE_S, MakeToy, wait_for

pytestmark = pytest.mark.long


def test_a_slot_does_not_wait_for_another_one(toy: MakeToy) -> None:
    body = """
        if trial.current().number == 0:
            while not Path("multirun/app/7/outcome.json").is_file():
                time.sleep(0.05)
        return cfg.x
    """
    app = toy(body, sweeper="n_trials: 8\nslots: 2\nparams: {x: 'interval(0,1)'}")
    app.run_in_process("hydra/sweeper/sampler=random")
    assert app.kinds() == ["complete"] * 8


def test_many_starts_at_once_on_a_fresh_study_lose_nothing(toy: MakeToy) -> None:
    # the first trial waits for one of another worker, which may take long to start
    body = """
        while len(list(Path("multirun/app").glob("[0-9]*"))) < 2: time.sleep(0.02)
        return cfg.x
    """
    app = toy(body, sweeper="n_trials: 9\nslots: 1\nparams: {x: 'interval(0,1)'}")
    processes = [app.start("hydra/sweeper/sampler=random") for _ in range(3)]
    outputs = [process.communicate(timeout=PATIENCE_S)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 3, outputs
    assert app.kinds() == ["complete"] * 9
    workers = {trial.user_attrs["worker"] for trial in app.trials()}
    assert len(workers) > 1
    assert [trial.number for trial in app.trials()] == list(range(9))
    assert all(trial.value == trial.params["x"] for trial in app.trials())


def test_many_trials_do_not_grow_the_memory_of_the_worker(toy: MakeToy) -> None:
    body = """
        block = bytearray(20_000_000)
        held_by = "early" if trial.current().number < 36 else "late"
        while trial.current().number >= 16 and not Path(held_by).exists(): time.sleep(0.02)
        return cfg.x + 0 * len(block)
    """
    app = toy(body, sweeper="n_trials: 40\nslots: 4\nparams: {x: 'interval(0,1)'}")
    process = app.start("hydra/sweeper/sampler=random")
    sizes = []
    for done, mark in ((16, "early"), (36, "late")):
        wait_for(lambda done=done: len(list(app.sweep.glob("[0-9]*"))) == done + 4)  # type: ignore[misc]
        wait_for(lambda done=done: app.kinds().count("complete") == done)  # type: ignore[misc]
        sizes.append(_megabytes(process.pid))
        (app.folder / mark).touch()
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, output
    early, late = sizes
    print(f"worker: {early:.1f} MB after 16 trials, {late:.1f} MB after 36")
    assert late - early < 3
    peaks = [trial.user_attrs["peak_memory_mb"] for trial in app.trials()]
    assert max(peaks[-10:]) - max(peaks[:10]) < 10
    files = {len(list(folder.rglob("*"))) for folder in app.sweep.glob("[0-9]*")}
    assert len(files) == 1, "every trial leaves the same number of files"
    assert len(list((app.sweep / ".study").rglob("*"))) < 20


def _megabytes(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 1e6


def test_a_journal_cut_in_its_last_line_keeps_every_whole_line(toy: MakeToy) -> None:
    app = toy("return cfg.x", sweeper="n_trials: 2\nslots: 2\nparams: {x: 'interval(0,1)'}")
    app.run_in_process()
    journal = app.sweep / "study.journal"
    whole = journal.read_bytes()
    with journal.open("ab") as file:
        file.write(b'{"op_code":6,"worker_id":"cut off in the mid')
    app.run_in_process("hydra.sweeper.n_trials=3")
    assert journal.read_bytes().startswith(whole)
    assert app.kinds() == ["complete"] * 3


def test_a_journal_can_be_shared_with_optunas_own_backend(tmp_path: Path) -> None:
    ours = open_journal(tmp_path / "study.journal")
    study = optuna.create_study(storage=ours, study_name="app")
    lock = JournalFileSymlinkLock(str(tmp_path / "study.journal"))
    before = time.monotonic()
    theirs = optuna.load_study(
        storage=JournalStorage(JournalFileBackend(str(tmp_path / "study.journal"), lock_obj=lock)),
        study_name="app",
    )
    theirs.set_user_attr("note", "of a dashboard")
    assert study.user_attrs["note"] == "of a dashboard"
    assert time.monotonic() - before < lock.grace_period, (
        "it takes no file of ours for a lock that somebody left behind"
    )


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (b"a\nb", b"a\n"),
        (b"a\nb\n", b"a\nb\n"),
        (b"", b""),
        (b"abc", b""),
        (b"a\n" + b"x" * 200_000, b"a\n"),
    ],
)
def test_only_an_incomplete_last_line_is_removed(tmp_path: Path, text: bytes, kept: bytes) -> None:
    path = tmp_path / "journal"
    path.write_bytes(text)
    assert cut_torn_line(path) == len(text) - len(kept)
    assert path.read_bytes() == kept


def test_sqlite_is_refused_for_several_workers(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="journal file"):
        open_storage(f"sqlite:///{tmp_path}/study.db", SweepPaths(tmp_path), num_workers=2)


def test_a_changed_space_is_refused_with_the_difference_named(toy: MakeToy) -> None:
    app = toy(
        "return cfg.x",
        "x: 0.0\nk: 3",
        "n_trials: 2\nslots: 2\nparams: {x: 'interval(0,1)', k: '3,5'}",
    )
    app.run_in_process()
    started_with = (app.sweep / "multirun.yaml").read_text()
    output = app.refuse("x=interval(0,2)", "k=3")
    assert (app.sweep / "multirun.yaml").read_text() == started_with
    assert "x: kind=float, low=0.0, high=1.0 became kind=float, low=0.0, high=2.0" in output
    assert "k: choices=[3, 5] became fixed=3" in output
    assert "Traceback" not in output
    assert len(app.trials()) == 2
    app.run_in_process(
        "x=interval(0,2)", "hydra.sweeper.changed=accept", "hydra.sweeper.n_trials=4"
    )
    assert app.kinds() == ["complete"] * 4
    refused = app.refuse("k=3,5,7", "x=interval(0,2)", "hydra.sweeper.changed=accept")
    assert "cannot change within a study" in refused
    refused = app.refuse("k=3,5", "x=tag(log,interval(1,2))", "hydra.sweeper.changed=accept")
    assert "an interval became an interval, logarithmic" in refused


def test_starting_points_are_tried_first(toy: MakeToy) -> None:
    options = (
        "n_trials: 3\nslots: 1\nparams: {x: 'interval(0,1)', net: 'choice(a,b)', k: {values: '3,5',"
        " when: net == 'b'}}"
    )
    app = toy(
        "return cfg.x", "x: 0.25\nnet: a\nk: 5", options + "\nenqueue: [{x: 0.5, net: b}, 'net=a']"
    )
    app.run_in_process()
    first, second, _ = app.trials()
    assert first.params["x"] == 0.5
    assert first.params["net"] == "b"
    assert second.params == {"x": 0.25, "net": "a"}
    other = toy(
        "return cfg.x",
        "x: 0.25",
        f"n_trials: 9\nsampler: {{seed: 1}}\nparams: {{x: 'interval(0,1)'}}\n"
        f"enqueue: ['{app.sweep}', {{x: 0.9}}]\nprior: ['{app.sweep}/best.yaml']",
    )
    other.run_in_process()
    is_near = [attributes.PRIOR in trial.user_attrs for trial in other.trials()]
    assert not any(is_near[:3])
    assert 2 <= sum(is_near) <= 7
    best = app.study().best_params["x"]
    assert [trial.params["x"] for trial in other.trials()[:3]] == [best, best, 0.9]
    assert (
        "must give values inside"
        in toy("return 0", sweeper="params: {x: 'interval(0,1)'}\nenqueue: [{x: 7}]").refuse()
    )


def test_a_starting_preset_is_composed_with_what_is_the_same_for_all_trials(toy: MakeToy) -> None:
    app = toy(
        "return cfg.x",
        "x: 0.25\nnet: a\nk: 5",
        "n_trials: 1\nparams: {x: 'interval(0,1)', net: 'choice(a,b)'}\nenqueue: ['net=b']",
    )
    (app.folder / "conf" / "sweeps").mkdir()
    (app.folder / "conf" / "sweeps" / "wide.yaml").write_text("# @package _global_\nx: 0.75\n")
    app.run_in_process("sweeps=wide", "k=7")
    assert app.trials()[0].params == {"x": 0.75, "net": "b"}


def test_a_starting_preset_omits_keys_of_searched_group_options(
    toy: MakeToy,
) -> None:
    sweeper = (
        "n_trials: 1\nparams: {net: 'choice(b,c)', net.depth: 7, x: 'interval(0,1)'}\nenqueue:"
        " ['x=0.5']"
    )
    app = toy("return cfg.x", "x: 0.25", sweeper)
    (app.folder / "conf" / "net").mkdir()
    for name, text in {"a": "width: 1", "b": "depth: 1", "c": "depth: 2"}.items():
        (app.folder / "conf" / "net" / f"{name}.yaml").write_text(text)
    config = app.folder / "conf" / "config.yaml"
    config.write_text(config.read_text().replace("- _self_", "- net: a\n  - _self_"))
    app.run_in_process()
    assert app.trials()[0].params["x"] == 0.5


def test_the_pruner_none_ignores_options_of_another_pruner(toy: MakeToy) -> None:
    app = toy(
        "return cfg.x",
        sweeper="n_trials: 1\nparams: {x: 'interval(0,1)'}\npruner: {n_warmup_steps: 3}",
    )
    app.run_in_process("hydra/sweeper/pruner=none")
    assert app.kinds() == ["complete"]
    other = toy(
        "return cfg.x",
        sweeper="n_trials: 1\nparams: {x: 'interval(0,1)'}\npruner: {reduction_factor: 3}",
    )
    assert "hydra.sweeper.pruner" in other.refuse("hydra/sweeper/pruner=median")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("hydra.sweeper.direction=up", "minimize or maximize"),
        ("hydra.sweeper.slots=0", "at least 1"),
        ("hydra.sweeper.gpus=64", "must not exceed the GPUs"),
        ("hydra.sweeper.prune_on=loss", "must be one of value"),
        ("hydra.sweeper.check=nowhere.check", "dotted path"),
        ("hydra.sweeper.preload=[nowhere]", "hydra.sweeper.preload"),
        ("hydra/sweeper/sampler=grid", "needs choices or ranges"),
        ("nothere=1,2", "nothere"),
    ],
)
def test_a_wrong_option_is_one_clear_message(toy: MakeToy, option: str, message: str) -> None:
    app = toy("return cfg.x", sweeper="n_trials: 1\nparams: {x: 'interval(0,1)'}")
    output = app.refuse(option)
    assert message in output
    assert "Traceback" not in output


def test_a_start_of_hydra_imports_nothing_heavy() -> None:
    code = (
        "import sys; from hydra.core.plugins import Plugins; Plugins.instance();"
        " print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"optuna", "torch", "rich"} & set(done.stdout.split())
