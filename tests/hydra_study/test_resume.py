"""An interrupted or killed sweep continues to exactly its total, and overwrites nothing."""

import os
import re
import signal
from pathlib import Path

import pytest

from .conftest import PATIENCE_S, MakeToy, Toy, wait_for

pytestmark = pytest.mark.long

# Trains for 6 "epochs" of 0.15 s, leaves a checkpoint after each and begins where its checkpoint
# says.
TRAINING = """
    link = trial.current()
    first = int(Path(link.checkpoint).read_text()) if link.checkpoint else 0
    own = Path(link.folder) / "checkpoints" / "last.ckpt"
    own.parent.mkdir()
    for epoch in range(first, 6):
        time.sleep(0.15)
        link.report(epoch, cfg.x)
        with open("epochs.txt", "a") as log: log.write(f"{link.number} {epoch}\\n")
        own.with_suffix(".new").write_text(str(epoch + 1))
        own.with_suffix(".new").rename(own)
    return cfg.x
"""
# Trials 3 to 5, the second round, wait in their third epoch while a file `hold` is there: a signal
# then meets trials that train, however busy the machine is.
HELD = TRAINING.replace(
    "        own.with_suffix",
    """        if epoch == 2 and link.number in (3, 4, 5):
            Path(f"{link.number}.pid").write_text(str(os.getpid()))
            while Path("hold").exists():
                time.sleep(0.02)
        own.with_suffix""",
    1,
)
OPTIONS = "n_trials: 6\nslots: 3\nparams: {x: 'interval(0,1)'}\ngrace: 5"


def fingerprints(app: Toy) -> dict[str, str]:
    """Return the first outcome or log of every trial folder, by folder."""
    return {
        path.parent.name: path.read_text() for path in sorted(app.sweep.glob("[0-9]*/outcome.json"))
    }


def children(pid: int) -> list[int]:
    """Return the child processes of a process."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.parametrize("victim", ["SIGINT", "SIGKILL", "SIGKILL fork server", "SIGKILL trial"])
def test_the_same_command_finishes_exactly_the_total(toy: MakeToy, victim: str) -> None:
    app = toy(HELD, sweeper=OPTIONS)
    hold = app.folder / "hold"
    hold.touch()
    process = app.start()
    held = [app.folder / f"{number}.pid" for number in (3, 4, 5)]
    wait_for(lambda: all(file.exists() and file.read_text() for file in held))
    targets = {
        "SIGKILL fork server": children(process.pid)[0],
        "SIGKILL trial": int(held[0].read_text()),
    }
    os.kill(targets.get(victim, process.pid), signal.Signals[victim.split()[0]])
    if victim != "SIGINT":
        hold.unlink()
    output, _ = process.communicate(timeout=PATIENCE_S)
    hold.unlink(missing_ok=True)
    alone = victim in ("SIGKILL fork server", "SIGKILL trial")
    codes = {"SIGINT": 130, "SIGKILL": -9}
    assert process.returncode == (0 if alone else codes[victim]), output
    before = fingerprints(app)
    if not alone:
        assert app.kinds().count("complete") < 6
        app.run()
    kinds = app.kinds()
    assert kinds.count("complete") == 6, kinds
    assert not {"running", "waiting"} & set(kinds)
    after = fingerprints(app)
    assert {name: after[name] for name in before} == before
    assert sorted(int(name) for name in after) == [
        t.number for t in app.trials() if (app.sweep / str(t.number) / "outcome.json").exists()
    ]
    retried = [t for t in app.trials() if "retry_of" in t.user_attrs]
    assert retried, kinds
    epochs = [line.split() for line in (app.folder / "epochs.txt").read_text().splitlines()]
    for again in retried:
        source = str(again.user_attrs["retry_of"])
        done = [int(epoch) for number, epoch in epochs if number == source]
        resumed = [int(epoch) for number, epoch in epochs if number == str(again.number)]
        assert resumed[0] in ((done[-1], done[-1] + 1) if done else (0,)), (
            "an epoch may be repeated, none may be lost"
        )
        assert again.params == app.trials()[int(source)].params
        assert sorted(again.intermediate_values) == list(range(6))


def test_a_larger_total_continues_and_a_reached_one_does_nothing(toy: MakeToy) -> None:
    app = toy("return cfg.x", sweeper="n_trials: 3\nparams: {x: 'interval(0,1)'}\nslots: 2")
    app.run()
    app.run()
    assert len(app.trials()) == 3
    app.run("hydra.sweeper.n_trials=5")
    assert [path.name for path in sorted(app.sweep.glob("[0-9]*"))] == ["0", "1", "2", "3", "4"]


def test_a_trial_that_left_its_outcome_before_its_worker_died_is_not_run_again(
    toy: MakeToy,
) -> None:
    app = toy("return cfg.x", sweeper="n_trials: 1\nparams: {x: 'interval(0,1)'}\nslots: 1")
    app.run()
    journal = app.sweep / "study.journal"
    lines = journal.read_text().splitlines(keepends=True)
    told = next(index for index, line in enumerate(lines) if '"state":1' in line)
    journal.write_text("".join(lines[:told]))
    assert app.kinds() == ["running"]
    app.run()
    assert app.kinds() == ["complete"]


def test_target_and_timeout_end_a_sweep(toy: MakeToy) -> None:
    app = toy(
        "time.sleep(0.2); return cfg.x",
        sweeper="n_trials: null\ntarget: 0.5\nparams: {x: 'interval(0,1)'}\nslots: 2",
    )
    said = app.run()
    assert "target 0.5 reached" in said
    assert ": 0 trials done" in said, "and not of None"
    other = toy(
        "time.sleep(0.4); return cfg.x",
        sweeper="n_trials: null\ntimeout: 2\nparams: {x: 'interval(0,1)'}\nslots: 2",
    )
    assert re.search("timeout of 2 s( reached|: the shortest took)", other.run())
    before = len(other.trials())
    other.run()
    assert len(other.trials()) == before


def test_a_changed_config_is_refused_with_its_keys_named(toy: MakeToy) -> None:
    config = (
        "x: 1\nepochs: 3\nseed: 1\nlogger: {level: 1}\ntime: ${now:%f}\ndata: {root: /first/data,"
        " num_workers: 1}"
    )
    app = toy(
        "return cfg.x * cfg.epochs",
        config,
        "n_trials: 2\nslots: 1\nparams: {x: '1,2,3'}\nmay_change: ['*num_workers']",
    )
    app.run("hydra/sweeper/sampler=grid")
    file = app.folder / "conf" / "config.yaml"
    began = file.read_text()
    free = {
        "seed: 1": "seed: 2",
        "level: 1": "level: 2",
        "/first/data": "/second/data",
        "num_workers: 1": "num_workers: 4",
    }
    for old, new in free.items():
        file.write_text(file.read_text().replace(old, new))
    app.run(
        "hydra/sweeper/sampler=grid",
        "hydra.sweeper.n_trials=3",
        "hydra.sweeper.view=none",
        "epochs=3",
    )
    assert app.kinds() == ["complete"] * 3
    file.write_text(began.replace("epochs: 3", "epochs: 4").replace("/first/data", "/first/other"))
    refused = app.refuse("hydra/sweeper/sampler=grid", "hydra.sweeper.n_trials=4")
    assert "epochs: 3 -> 4" in refused
    assert 'data.root: "/second/data" -> "/first/other"' in refused
    assert "x:" not in refused
    assert "Traceback" not in refused
    assert "epochs: 3 -> 5" in app.refuse("epochs=5", "hydra.sweeper.n_trials=4")
    accepted = (
        "hydra.sweeper.n_trials=6",
        "hydra.sweeper.changed=accept",
        "hydra.sweeper.enqueue=[{x:1},{x:2},{x:3}]",
    )
    app.run(*accepted)
    assert sorted(trial.values[0] for trial in app.trials()) == [
        3,
        4,
        6,
        8,
        9,
        12,
    ], "the old results are not told for the new config"
    assert "epochs: 4 -> 3" in app.refuse("epochs=3")


def test_an_application_lists_keys_that_may_differ_between_starts(toy: MakeToy) -> None:
    config = "x: 1\ntest: true\ntrainer: {accelerator: cpu}\ndata: {num_workers: 1}"
    app = toy("return cfg.x", config, "n_trials: 1\nslots: 1\nparams: {x: '1,2,3'}")
    app.run()
    refused = app.refuse(
        "test=false",
        "trainer.accelerator=gpu",
        "data.num_workers=2",
        "hydra.sweeper.n_trials=2",
    )
    assert all(
        line in refused
        for line in (
            "test: true -> false",
            'trainer.accelerator: "cpu"',
            "data.num_workers: 1 -> 2",
        )
    )


def test_a_preview_is_called_instead_of_the_sweep(toy: MakeToy) -> None:
    app = toy("return cfg.x", "x: 0.0", "params: {x: 'choice(1,2)'}\npreview: builtins.print")
    assert "Preview(space=" in app.run()
    assert not app.sweep.exists()


def test_a_corrected_mistake_begins_anew_if_nothing_was_trained(toy: MakeToy) -> None:
    body = """
        if cfg.mode == "wrong":
            raise ValueError("a mistake")
        trial.current().report(1, cfg.x)
        return cfg.x
    """
    app = toy(body, "x: 0.0\nmode: wrong", "params: {x: 'interval(0,1)'}\nn_trials: 4\nslots: 1")
    assert "a mistake" in app.run(code=1)
    said = app.run("mode=right")
    assert "begins anew" in said
    assert app.kinds() == ["complete"] * 4
    assert 'mode: "right" -> "other"' in app.run("mode=other", code=1), "something was trained"
