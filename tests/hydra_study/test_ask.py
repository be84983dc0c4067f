"""Which trial a worker runs next: a new point, one that was paused, or none."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState

from hydra_study import Promotion, attributes
from hydra_study.attributes import kind_of
from hydra_study.config import SAMPLERS
from hydra_study.objectives import parse_objectives
from hydra_study.paths import SweepPaths
from hydra_study.processes.worker import Worker
from hydra_study.space.grammar import parse_parameters
from hydra_study.space.space import Space
from hydra_study.storage.heartbeat import LivenessMonitor
from hydra_study.storage.storage import OpenStudy, create_study, open_study
from hydra_study.trials import sampling
from hydra_study.trials.ask import Asker
from hydra_study.trials.auto import options_of
from hydra_study.trials.outcomes import Outcome, parse_policies, write_outcome
from hydra_study.trials.reap import reap
from hydra_study.trials.samplers_view import view_of_samplers
from hydra_study.trials.sampling import build_sampler
from hydra_study.trials.tell import Teller


def paused_trials(folder: Path, count: int) -> tuple[OpenStudy, Teller]:
    """Return a study of trials with x = 0, 1, ... / count that have paused after one step with
    x as value, and what tells it more.
    """
    storage = optuna.storages.InMemoryStorage()
    create_study(storage, "app", parse_objectives("minimize", None))
    study = open_study(storage, "app", optuna.samplers.TPESampler(seed=0))
    teller = Teller(study, SweepPaths(folder), parse_policies({"killed": "retry 2"}), "last.ckpt")
    for number in range(count):
        study.enqueue_trial({"x": number / count})
        asked = study.ask({"x": FloatDistribution(0, 1)})
        asked.report(number / count, 1)
        teller.tell(study.trial(number), Outcome("paused", seconds=2.0))
    return study, teller


def make_asker(
    folder: Path,
    study: OpenStudy,
    teller: Teller,
    n_trials: int | None = None,
    timeout: float | None = None,
    schedule: Promotion | None = Promotion(),  # noqa: B008
    space: Any = SimpleNamespace(size=None, searched={}),  # noqa: B008
) -> Asker:
    """Return an asker, as the worker of a new start has it."""
    paths = SweepPaths(folder)
    paths.make()
    options = SimpleNamespace(
        study_name="app", n_trials=n_trials, timeout=timeout, target=None, early_stopping=None
    )
    spec: Any = SimpleNamespace(options=options, paths=paths, session=None, study_id="id")
    spec.objectives = parse_objectives("minimize", None)
    return Asker(study, space, spec, "worker", teller, schedule)


def test_samplers_learn_from_paused_trials(tmp_path: Path) -> None:
    study, _ = paused_trials(tmp_path, 20)
    view = view_of_samplers(study, {})
    assert {one.state for one in view.trials} == {TrialState.PRUNED}
    assert {kind_of(one) for one in study.trials} == {"paused"}
    space = {"x": FloatDistribution(0, 1)}
    found, blind = ([each.ask(space).params["x"] for _ in range(10)] for each in (view, study))
    assert sum(x < 0.3 for x in found) >= 8, "the best values are small"
    assert sum(x < 0.3 for x in blind) < 8, "which Optuna does not see of running trials"


@pytest.mark.parametrize("sampler", ["tpe_group", "gp", "gp_curves"])
def test_samplers_use_a_range_that_was_changed(tmp_path: Path, sampler: str) -> None:
    storage = optuna.storages.InMemoryStorage()
    create_study(storage, "app", parse_objectives("minimize", None))
    config = options_of("tpe_group") if sampler == "tpe_group" else SAMPLERS[sampler]
    options = SimpleNamespace(sampler={**config, "n_startup_trials": 3, "seed": 0})
    teller: Any = None
    found: list[int] = []
    for span in ("range(1,5)", "range(3,13)"):
        space = Space(parse_parameters({"x": span, "y": "interval(0,1)"}, [], loader=None))  # type: ignore[arg-type]
        spec: Any = SimpleNamespace(options=options, prior=[])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sampling, "make_space", lambda spec, space=space: space)
            own = build_sampler(spec, 0, 0, says_so=False)
        study = open_study(storage, "app", own)
        asker = make_asker(tmp_path, study, teller, schedule=None, space=space)
        for _ in range(12):
            asked = asker.ask(0, 0.0)
            assert asked is not None
            values = space.point(asked._suggest).values
            study.tell(asked, (values["x"] - 10) ** 2 + values["y"])
            found.append(values["x"])
    assert set(found[:12]) <= {1, 2, 3, 4}
    assert sum(x > 7 for x in found[12:]) >= 6, f"the best is 10: {found}"


def test_a_trial_whose_worker_dies_as_it_pauses_is_paused(tmp_path: Path) -> None:
    study, teller = paused_trials(tmp_path, 1)
    asked = study.ask()
    asked.report(0.5, 1)
    outcome = tmp_path / str(asked.number) / "outcome.json"
    outcome.parent.mkdir()
    spec: Any = SimpleNamespace(
        paths=SweepPaths(tmp_path),
        study_id="id",
        options=SimpleNamespace(study_name="app"),
        session=None,
    )
    write_outcome(spec, outcome, Outcome("paused", seconds=2.0))
    watch = LivenessMonitor(tmp_path, 60.0)
    assert reap(study, spec, teller, watch) == [asked.number], (
        "the paused one has no worker to lose"
    )
    assert [kind_of(one) for one in study.trials] == ["paused", "paused"]
    outcome.unlink()  # as it goes on
    study.storage.set_trial_user_attr(study.trial_id(1), attributes.PAUSED_AT, None)
    assert reap(study, spec, teller, watch) == [1]
    assert [kind_of(one) for one in study.trials] == ["paused", "killed", "waiting"]


def test_a_smaller_total_drops_what_it_has_no_room_for(tmp_path: Path) -> None:
    study, teller = paused_trials(tmp_path, 12)
    for number in range(2):
        study.storage.set_trial_user_attr(study.trial_id(number), attributes.PAUSED_AT, None)
    assert make_asker(tmp_path, study, teller, n_trials=6).ask(0, 0.0) is None
    assert Counter(map(kind_of, study.trials)) == {"running": 2, "pruned": 10}


def test_a_trial_found_hopeless_does_not_go_on_after_its_worker_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, teller = paused_trials(tmp_path, 2)
    asker = make_asker(tmp_path, study, teller, n_trials=3)

    def killed(*arguments: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("hydra_study.trials.ask.write_outcome", killed)
        with pytest.raises(KeyboardInterrupt):
            asker.ask(0, 0.0)
    assert kind_of(study.trial(1)) == "paused"
    # the better one leaves its place to a retry, which has not reported yet
    study.storage.set_trial_user_attr(study.trial_id(0), attributes.PAUSED_AT, None)
    teller.tell(study.trial(0), Outcome("killed"))
    retry = make_asker(tmp_path, study, teller, n_trials=3).ask(0, 0.0)
    assert retry is not None
    assert retry.number == 2
    assert kind_of(study.trial(1)) == "pruned"


@pytest.mark.parametrize(("lengths", "until"), [([30.0, 20.0, 90.0], 70.0), ([], 50.0)])
def test_what_waits_goes_on_once_a_new_point_would_not_come_to_its_end(
    tmp_path: Path, lengths: list[float], until: float
) -> None:
    study, teller = paused_trials(tmp_path, 2)
    for length in lengths:
        finished = study.ask()
        finished.set_user_attr(attributes.SECONDS, length)
        study.tell(finished, 0.5)
    teller.checkpoints = SimpleNamespace(newest=lambda trial: "last.ckpt")
    asker = make_asker(tmp_path, study, teller, timeout=100.0)
    asked = [asker.ask(0, seconds) for seconds in (until - 1.0, until + 1.0)]
    assert [one and one.number for one in asked] == [2 + len(lengths), 0]


def test_no_trial_begins_that_the_timeout_would_kill(tmp_path: Path) -> None:
    study, teller = paused_trials(tmp_path, 0)
    asker = make_asker(tmp_path, study, teller, timeout=100.0, schedule=None)
    first, second = asker.ask(0, 0.0), asker.ask(1, 0.0)
    assert first is not None
    assert second is not None
    first.set_user_attr(attributes.SECONDS, 30.0)
    study.tell(first, 0.5)
    assert asker.ask(0, 71.0) is None
    assert asker.over is None, "the second one may still end"
    second.set_user_attr(attributes.SECONDS, 50.0)
    study.tell(second, 0.6)
    assert asker.ask(0, 71.0) is None
    assert asker.over == "no trial would end within the timeout of 100 s: the shortest took 30 s"
    assert asker.ask(0, 69.0) is not None


def test_the_rest_of_a_resumed_training_is_no_length_of_a_trial(tmp_path: Path) -> None:
    study, teller = paused_trials(tmp_path, 0)
    asker = make_asker(tmp_path, study, teller, timeout=100.0, schedule=None)
    for length, attrs in ((30.0, {}), (1.0, {attributes.RETRY_OF: 0})):
        study.enqueue_trial({}, user_attrs={attributes.SECONDS: length, **attrs})
        study.tell(study.ask(), 0.5)
    assert asker.ask(0, 71.0) is None
    assert "the shortest took 30 s" in str(asker.over)


def test_finalists_come_before_points_that_were_queued_beyond_the_total(tmp_path: Path) -> None:
    study, teller = paused_trials(tmp_path, 0)
    asker = make_asker(tmp_path, study, teller, n_trials=1, schedule=None)
    asker._spec.options.finalists, asker._spec.options.repeat = {"top": 1, "seeds": 2}, 1
    for x in (0.2, 0.1, 0.3):
        study.enqueue_trial({"x": x})
    begun = []
    for _ in range(4):
        asked = asker.ask(0, 0.0)
        if asked is not None:
            begun.append(asked.suggest_float("x", 0, 1))
            study.tell(asked, begun[-1])
    assert begun == [0.2] * 3


class SlowSampler(optuna.samplers.RandomSampler):
    """Suggests the smallest number that no other trial has, and takes its time."""

    def sample_independent(self, study: Any, trial: Any, name: str, distribution: Any) -> int:
        taken = {other.params.get(name) for other in study.get_trials(deepcopy=False)}
        time.sleep(0.2)
        return min(set(range(distribution.low, distribution.high + 1)) - taken)


def test_workers_that_begin_at_the_same_time_know_the_points_of_each_other(tmp_path: Path) -> None:
    storage = optuna.storages.InMemoryStorage()
    create_study(storage, "app", parse_objectives("minimize", None))
    space = Space(parse_parameters({"k": "range(1,9)"}, [], loader=None))  # type: ignore[arg-type]
    teller: Any = None

    def begin(_: int) -> Any:
        study = open_study(storage, "app", SlowSampler())
        asker = make_asker(tmp_path, study, teller, schedule=None, space=space)
        asker._spec.options.suggest = None
        asked = asker.ask(0, 0.0)
        assert asked is not None
        return asker.suggest(asked).values["k"]

    with ThreadPoolExecutor(3) as workers:
        assert sorted(workers.map(begin, range(3))) == [1, 2, 3]


def test_a_slow_worker_leaves_a_trial_that_another_one_let_go_on(tmp_path: Path) -> None:
    study, _ = paused_trials(tmp_path, 1)
    for key, value in {attributes.WORKER: "other", attributes.PAUSED_AT: None}.items():
        study.storage.set_trial_user_attr(study.trial_id(0), key, value)
    (tmp_path / ".study").mkdir()
    slow: Any = object.__new__(Worker)
    slow.study, slow.pool = study, SimpleNamespace(remove=lambda running: None)
    slow.spec = SimpleNamespace(paths=SweepPaths(tmp_path), session=None)
    slow._times, slow._heartbeat = {}, SimpleNamespace(worker="slow")
    running: Any = SimpleNamespace(
        conclude=lambda signum: Outcome("paused"), is_lost=False, trial=study.trial(0)
    )
    slow._tell(running, None)
    assert kind_of(study.trial(0)) == "running"


def test_the_time_of_a_trial_is_that_of_all_its_parts(tmp_path: Path) -> None:
    study, teller = paused_trials(tmp_path, 1)
    study.storage.set_trial_user_attr(study.trial_id(0), attributes.PAUSED_AT, None)
    teller.tell(study.trial(0), Outcome("complete", [0.5], seconds=3.0))
    assert study.trial(0).user_attrs[attributes.SECONDS] == 5.0
    assert attributes.REASON not in study.trial(0).user_attrs
