"""Every way a trial can end has its kind, and only errors of user code stop a sweep."""

import errno
import json
import signal
import socket
import time
from contextlib import closing
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from hydra_study import attributes
from hydra_study.errors import StudyError
from hydra_study.objectives import parse_objectives
from hydra_study.paths import SweepPaths
from hydra_study.processes.messages import Channel
from hydra_study.processes.running_trial import killed_for_memory
from hydra_study.storage.storage import create_study
from hydra_study.trials.outcomes import (
    Policy,
    outcome_of_exception,
    outcome_of_result,
    parse_policies,
)
from hydra_study.trials.tell import Teller

from .conftest import PATIENCE_S, MakeToy, wait_for

pytestmark = pytest.mark.long

MIXED = """
    if cfg.x == 1: raise RuntimeError("a bug of the user")
    if cfg.x == 2: raise MemoryError("too big")
    if cfg.x == 3: return float("nan")
    if cfg.x == 4: time.sleep(600)
    if cfg.x == 5: os.kill(os.getpid(), signal.SIGSEGV)
    if cfg.x == 6: raise trial.Pruned("no future")
    if cfg.x == 7: os._exit(0)
    return float(cfg.x)
"""


def test_a_sweep_of_all_kinds_of_outcomes_has_the_right_kinds_and_the_right_best(
    toy: MakeToy,
) -> None:
    options = (
        "n_trials: 10\nparams: {x: 'range(0,10)'}\nhang_limit: 5\nslots: 4\npolicy: {killed:"
        " go_on}\nmax_errors: 5"
    )
    app = toy(MIXED, sweeper=options)
    app.run("hydra/sweeper/sampler=grid")
    kinds = {trial.params["x"]: kind for trial, kind in zip(app.trials(), app.kinds(), strict=True)}
    assert kinds == {
        0: "complete",
        1: "error",
        2: "out_of_memory",
        3: "diverged",
        4: "timed_out",
        5: "killed",
        6: "pruned",
        7: "error",
        8: "complete",
        9: "complete",
    }
    assert app.study().best_trial.params == {"x": 0}
    reasons = {trial.params["x"]: trial.user_attrs.get("reason", "") for trial in app.trials()}
    assert "hang_limit" in reasons[4]
    assert "SIGSEGV" in reasons[5]
    assert "a bug of the user" in reasons[1]
    left = json.loads((app.sweep / str(app.trials()[1].number) / "outcome.json").read_text())
    assert left["kind"] == "error"
    assert "RuntimeError" in left["traceback"]


def test_errors_in_a_row_stop_the_sweep_with_the_traceback_of_the_first(toy: MakeToy) -> None:
    app = toy(
        "raise KeyError(f'bug {cfg.x:.1f}')",
        sweeper="n_trials: 50\nparams: {x: 'interval(0,1)'}\nslots: 1",
    )
    output = app.run(code=1)
    assert len(app.trials()) == 3
    assert "3 errors in a row" in output
    assert "Traceback" in output
    assert "KeyError" in output


def test_an_error_with_a_kind_stops_the_sweep_with_its_message_alone(
    toy: MakeToy, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = """
        class Mistake(ValueError):
            kind = "error"
        raise Mistake("there is no such folder")
    """
    options = "n_trials: 9\nparams: {x: 'interval(0,1)'}\nslots: 1\nmax_errors: 1"
    output = toy(body, sweeper=options).run(code=1)
    assert "The first of them, trial 0:\nthere is no such folder\n" in output
    assert "Traceback" not in output
    output = toy(body, sweeper=options).run(
        "hydra.sweeper.n_trials=2", "hydra.sweeper.max_errors=3"
    )
    assert "no trial has a value" in output
    assert "The first of them, trial 0:\nthere is no such folder\n" in output
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    assert "Traceback" in toy(body, sweeper=options).run(code=1)


def test_a_killed_trial_is_retried_as_often_as_its_policy_says(toy: MakeToy) -> None:
    app = toy(
        "os.kill(os.getpid(), signal.SIGKILL)",
        sweeper="n_trials: 1\nparams: {x: 'choice(1,2)'}\npolicy: {killed: retry 2}",
    )
    app.run()
    assert app.kinds() == ["killed"] * 3
    assert [trial.user_attrs.get("retry_of") for trial in app.trials()] == [None, 0, 1]
    assert len({trial.user_attrs.get("retried", False) for trial in app.trials()[:2]}) == 1


def test_a_trial_that_gets_a_signal_from_outside_was_killed(toy: MakeToy) -> None:
    body = """
        if trial.current().number < 2:
            try:
                os.kill(os.getpid(), (signal.SIGINT, signal.SIGTERM)[trial.current().number])
                time.sleep(5)
            except BaseException:
                sys.exit(1)  # as Lightning does
        return cfg.x
    """
    app = toy(body, sweeper="n_trials: 2\nslots: 2\nparams: {x: 'choice(1,2)'}")
    app.run("hydra/sweeper/sampler=grid")
    assert app.kinds() == ["killed", "killed", "complete", "complete"]
    for killed in app.trials()[:2]:
        assert "signal from outside" in killed.user_attrs["reason"]


def test_a_policy_can_stop_the_sweep(toy: MakeToy) -> None:
    app = toy(
        "return float('nan')",
        sweeper="n_trials: 9\nparams: {x: 'range(0,9)'}\npolicy: {diverged: stop}\nslots: 1",
    )
    output = app.run(code=1)
    assert "policy.diverged=stop" in output
    assert app.kinds() == ["diverged"]


def test_kinds_are_found_in_the_causes_of_exceptions() -> None:
    class TooWideError(ValueError):
        kind = "infeasible"

    outer = RuntimeError("Error in call to target")
    outer.__cause__ = TooWideError("kernel 7 must fit into 5 pixels")
    outcome = outcome_of_exception(outer)
    assert (outcome.kind, outcome.reason) == ("infeasible", "kernel 7 must fit into 5 pixels")
    assert (
        outcome_of_exception(type("OutOfMemoryError", (RuntimeError,), {})("CUDA")).kind
        == "out_of_memory"
    )
    assert outcome_of_exception(ZeroDivisionError()).kind == "error"


def test_samplers_are_told_how_far_a_refused_point_is_off(tmp_path: Path) -> None:
    class TooLargeError(ValueError):
        kind = "infeasible"

    storage = optuna.storages.InMemoryStorage()
    study = create_study(storage, "app", parse_objectives("minimize", None))
    teller = Teller(study, SweepPaths(tmp_path), parse_policies({}), "*.ckpt")
    for excess in (0.25, None, -1.0, float("nan")):
        error = TooLargeError("too large")
        error.excess = excess  # type: ignore[attr-defined]
        asked = study.ask()
        teller.tell(study.trial(asked.number), outcome_of_exception(error))
    teller.tell_duplicate(study.trial(study.ask().number), study.trial(0))
    told = [trial.constraints["infeasible"] for trial in study.trials]
    assert told == [0.25, 1.0, 1.0, 1.0, 0.25]
    assert study.trial(0).user_attrs[attributes.EXCESS] == 0.25


@pytest.mark.parametrize(
    ("result", "kind"),
    [
        (1, "complete"),
        (float("nan"), "diverged"),
        (None, "error"),
        ((1, 2), "error"),
        ("x", "error"),
    ],
)
def test_results_are_one_finite_number_per_objective(result: object, kind: str) -> None:
    assert outcome_of_result(result, ("value",)).kind == kind


def test_policies_are_checked() -> None:
    assert parse_policies({"killed": "retry 3"})["killed"] == Policy("retry", 3)
    for wrong in ({"killed": "retry"}, {"kiled": "go_on"}, {"error": "panic"}):
        with pytest.raises(StudyError, match=r"hydra\.sweeper\.policy"):
            parse_policies(wrong)


@pytest.mark.parametrize(
    ("kind", "failure"),
    [("out_of_memory", "raise MemoryError"), ("diverged", "return float('nan')")],
)
def test_a_retry_trains_the_network_that_its_first_attempt_failed_with(
    toy: MakeToy, kind: str, failure: str
) -> None:
    body = f"""
        if trial.current().number == 0:
            {failure}
        return cfg.x
    """
    app = toy(
        body, sweeper=f"n_trials: 1\nparams: {{x: 'choice(1,2)'}}\npolicy: {{{kind}: retry 1}}"
    )
    app.run()
    assert app.kinds() == [kind, "complete"]
    assert app.trials()[1].user_attrs["retry_of"] == 0


def test_a_trial_whose_worker_has_died_was_killed() -> None:
    own, worker = socket.socketpair()
    worker.close()
    with pytest.raises(ConnectionError) as caught, closing(own):
        Channel(own).ask({"type": "ready"})
    # it counts by the outcome file that it writes then
    assert outcome_of_exception(caught.value).kind == "killed"


def test_a_full_disk_is_no_error_of_the_user() -> None:
    outer = RuntimeError("cannot save")
    outer.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    assert outcome_of_exception(outer).kind == "killed"
    assert "No space left" in outcome_of_exception(outer).reason
    assert outcome_of_exception(OSError(errno.ENOENT, "No such file")).kind == "error"


def test_a_trial_that_cannot_print_on_a_full_disk_is_tried_again(toy: MakeToy) -> None:
    body = """
        if trial.current().number == 0:
            full = os.open("/dev/full", os.O_WRONLY)
            os.dup2(full, 1), os.dup2(full, 2)
        raise KeyError("a bug of the user")
    """
    app = toy(body, sweeper="n_trials: 1\nparams: {x: 'interval(0,1)'}")
    app.run()
    assert app.kinds() == ["killed", "error"]
    assert "No space left" in app.trials()[0].user_attrs["reason"]
    assert "a bug of the user" in app.trials()[1].user_attrs["reason"]


OVER_TIME = """
    if cfg.way == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        time.sleep(0 if cfg.way == "short" or trial.current().number > 3 else 600)
    except trial.Stopped as stopped:
        Path(trial.current().folder, "told").write_text(f"{stopped.kind}: {stopped}")
        if cfg.way == "stopped":
            raise
    return 1.0
"""


def test_a_trial_over_its_time_says_so_in_study_and_file_and_its_policy_counts(
    toy: MakeToy,
) -> None:
    app = toy(
        OVER_TIME,
        "way: short",
        "n_trials: 4\nslots: 4\ngrace: 4\ntrial_timeout: 6\npolicy: {timed_out: retry 1}\n"
        "params: {way: 'choice(short,stopped,ended,deaf)'}",
    )
    app.run("hydra/sweeper/sampler=grid")
    reason = "ran for 6 s (hydra.sweeper.trial_timeout)"
    kinds: dict[str, list[str]] = {}
    for one, kind in zip(app.trials(), app.kinds(), strict=True):
        way = one.params["way"]
        kinds[way] = [*kinds.get(way, []), kind]
        left = json.loads((app.sweep / str(one.number) / "outcome.json").read_text())
        assert left["kind"] == kind
        if kind == "timed_out":
            assert one.user_attrs["reason"] == left["reason"] == reason
            assert one.state == TrialState.PRUNED
            assert one.constraints == {"timed_out": 1.0}, "a constraint for the sampler"
    assert kinds == {
        "short": ["complete"],
        "stopped": ["timed_out", "complete"],
        "ended": ["complete"],
        "deaf": ["timed_out", "complete"],
    }
    told = {path.read_text() for path in app.sweep.glob("[0-9]*/told")}
    assert told == {f"timed_out: {reason}"}, "what logs the trial must know"


def test_a_start_on_a_full_disk_is_refused_with_one_message(
    toy: MakeToy, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = toy("return cfg.x", sweeper="n_trials: 1\nparams: {x: 'interval(0,1)'}")
    (app.folder / "sitecustomize.py").write_text(
        "import errno, os\nreplace = os.replace\ndef full(source, target):\n    if"
        " str(target).endswith('multirun.yaml'): raise OSError(errno.ENOSPC, 'No space left on"
        " device', str(target))\n    replace(source, target)\nos.replace = full\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(app.folder))
    output = app.run(code=1)
    assert "is full; free some and start again" in output
    assert "Traceback" not in output


def test_a_trial_that_fails_as_it_is_closed_is_killed_in_the_study_and_in_its_file(
    toy: MakeToy,
) -> None:
    body = """
        def fail(*_): raise RuntimeError("in the middle of closing")
        signal.signal(signal.SIGTERM, fail)
        Path(trial.current().folder, "begun").touch()
        time.sleep(600)
    """
    app = toy(body, sweeper="n_trials: 1\nslots: 1\nparams: {x: 'interval(0,1)'}")
    process = app.start()
    wait_for(lambda: (app.sweep / "0" / "begun").exists())
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, output
    assert app.kinds()[0] == "killed"
    assert json.loads((app.sweep / "0" / "outcome.json").read_text())["kind"] == "killed"


def test_what_the_kernel_has_killed_for_memory_is_read_from_its_log(tmp_path: Path) -> None:
    now_us = int(time.clock_gettime(time.CLOCK_MONOTONIC) * 1e6)
    what = (
        "total-vm:9kB, anon-rss:8kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:1kB"
        " oom_score_adj:0"
    )
    (tmp_path / "log").write_text(
        f"3,1,{now_us - 90_000_000},-;Out of memory: Killed process 10 (python)"
        f" {what}\n3,2,{now_us - 1_000_000},-;Out of memory: Killed process 11 (python) {what}\n"
        f" SUBSYSTEM=memory\n3,3,{now_us},-,caller=T1;Memory cgroup out of memory: Killed process"
        f" 12 (pt main thread) {what}\n6,4,{now_us},-;oom_reaper: reaped process 13 (python), now"
        f" anon-rss:0kB\n6,5,{now_us},-;said by a program; Out of memory: Killed process 14"
        f" (python) {what}\n"
    )
    assert killed_for_memory(30.0, str(tmp_path / "log")) == {11, 12}
    assert killed_for_memory(120.0, str(tmp_path / "log")) == {10, 11, 12}
    assert killed_for_memory(30.0, str(tmp_path / "none")) == set()
