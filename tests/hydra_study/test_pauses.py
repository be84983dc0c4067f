"""Trials that pause and go on: the same number, folder and checkpoint, through faults too."""

import json
import os
import signal
from collections import Counter

import pytest
from optuna.trial import FrozenTrial, TrialState

from hydra_study import attributes
from hydra_study.attributes import kind_of

from .conftest import PATIENCE_S, MakeToy, Toy, wait_for
from .postgresql import Server, trials_in

pytestmark = pytest.mark.long

# Nine epochs that never cross; each is written down when it is trained, and its checkpoint holds
# its number. A trial that goes on waits while there is a file `hold`, so that a signal meets it.
TRAINING = """
    link = trial.current()
    done = int(Path(link.checkpoint).read_text()) if link.checkpoint else 0
    while done and Path("hold").exists(): time.sleep(0.02)
    for epoch in range(done + 1, 10):
        with open("epochs.txt", "a") as log: log.write(f"{link.number} {epoch}\\n")
        save(Path(link.folder, "last.ckpt"), str(epoch))
        Path(link.folder, "best.ckpt").write_text(str(epoch))
        if link.report(epoch, cfg.x + 1 / epoch, is_last=epoch == 9):
            raise trial.Pruned(f"after {epoch}")
    return cfg.x
"""
OPTIONS = """
    n_trials: 9
    slots: 1
    params: {x: 'interval(0,1)'}
    checkpoint: last.ckpt
    sampler: {seed: 3}
"""
PROMOTION = ("hydra/sweeper/schedule=promotion", "hydra/sweeper/sampler=random")


def make(toy: MakeToy, body: str = TRAINING) -> Toy:
    """Return an application whose trials pause."""
    return toy(body, "x: 0.0", OPTIONS)


def epochs(app: Toy) -> Counter[tuple[int, int]]:
    """Return how often each epoch of each trial was trained."""
    lines = (app.folder / "epochs.txt").read_text().splitlines()
    return Counter((int(number), int(epoch)) for number, epoch in map(str.split, lines))


def by_value(trials: list[FrozenTrial]) -> list[int]:
    """Return the numbers of trials, the best one first."""
    return [one.number for one in sorted(trials, key=lambda one: one.params["x"])]


def test_trials_pause_and_the_best_go_on_in_their_folder(toy: MakeToy) -> None:
    app = make(toy)
    output = app.run_in_process(*PROMOTION)
    trials = app.trials()
    assert [one.number for one in trials] == list(range(9))
    best = trials[by_value(trials)[0]]
    assert best.state == TrialState.COMPLETE
    assert max(epochs(app).values()) == 1, "no epoch is trained twice"
    assert epochs(app).total() < 45
    assert sorted(best.intermediate_values) == list(range(1, 10))
    assert best.user_attrs[attributes.FOLDER] == str(app.sweep / str(best.number))
    assert "(paused at step 1; enough others are better)" in output
    assert "all 9 trials are done" in output
    kinds = app.kinds()
    assert Counter(kinds) == {"pruned": 6, "paused": 1, "complete": 2}
    with_files = {int(path.parent.name) for path in app.sweep.glob("[0-9]*/*.ckpt")}
    assert with_files == {n for n, kind in enumerate(kinds) if kind != "pruned"}, (
        "what cannot go on leaves no checkpoints"
    )
    dropped = trials[kinds.index("pruned")]
    assert "enough others are better" in dropped.user_attrs[attributes.REASON]
    assert dropped.user_attrs[attributes.CHECKPOINT] is None
    outcome = json.loads((app.sweep / str(dropped.number) / "outcome.json").read_text())
    assert outcome["kind"] == "pruned"


def test_a_larger_total_goes_on_with_what_is_paused(toy: MakeToy) -> None:
    app = make(toy)
    choices = ",".join(f"{number / 100}" for number in range(18))
    grid = (
        "hydra/sweeper/schedule=promotion",
        "hydra/sweeper/sampler=grid",
        f"x=choice({choices})",
    )
    assert "(1 complete, 2 paused (2 at step 3), 6 pruned)" in app.run_in_process(*grid)
    assert app.kinds() == ["complete", "paused", "paused", *["pruned"] * 6]
    assert (app.sweep / "sweep.csv").read_text().count(",paused,") == 2
    app.run_in_process(*grid, "hydra.sweeper.n_trials=18")
    assert app.kinds()[:9] == ["complete", "complete", "paused", *["pruned"] * 6]
    assert len(app.trials()) == 18
    assert max(epochs(app).values()) == 1


@pytest.mark.parametrize("victim", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_sweep_keeps_what_is_paused(toy: MakeToy, victim: signal.Signals) -> None:
    app = make(toy)
    hold = app.folder / "hold"
    hold.touch()
    process = app.start(*PROMOTION)

    def is_in_the_middle() -> bool:
        # the file is there before the study
        begun = any(app.sweep.glob("[0-9]*/last.ckpt"))
        trials = app.trials() if begun else []
        kinds = [kind_of(one) for one in trials if attributes.PAUSED_AT in one.user_attrs]
        return {"paused", "running"} <= set(kinds)

    wait_for(is_in_the_middle)
    os.kill(process.pid, victim)
    output, _ = process.communicate(timeout=PATIENCE_S)
    hold.unlink()
    assert process.returncode == (143 if victim == signal.SIGTERM else -9), output
    paused = [
        one.number for one, kind in zip(app.trials(), app.kinds(), strict=True) if kind == "paused"
    ]
    output = app.run(*PROMOTION)
    trials, kinds = app.trials(), app.kinds()
    assert not {"running", "waiting"} & set(kinds), output
    retried = [one.number for one in trials if one.user_attrs.get(attributes.RETRIED)]
    assert len(retried) == len(trials) - 9
    assert not set(paused) & set(retried)
    best = by_value(trials)
    assert kinds[next(n for n in best if n not in retried)] == "complete"
    assert max(epochs(app).values()) <= 2, "of an epoch that was killed"


def test_a_trial_without_its_checkpoint_goes_on_from_its_start(toy: MakeToy) -> None:
    app = make(toy)
    output = app.run(
        *PROMOTION, "hydra.sweeper.checkpoint=nothing.ckpt", "hydra.sweeper.n_trials=3"
    )
    again = {key for key, count in epochs(app).items() if count > 1}
    assert {epoch for _, epoch in again} == {1, 2, 3}
    assert f"trial {again.pop()[0]} goes on from its start" in output
    best = app.study().best_trial
    assert sorted(best.intermediate_values) == list(range(1, 10))


# A worker alone has two slots, so that no trial trains before the other worker has begun one too.
BY_BOTH = """
    while len(list(Path("multirun/app").glob("[0-9]*"))) < 3: time.sleep(0.02)
"""


def test_two_workers_promote_no_trial_twice(toy: MakeToy) -> None:
    app = make(toy, BY_BOTH + TRAINING)
    app.run(
        *PROMOTION,
        "hydra/launcher=joblib",
        "hydra.sweeper.workers=2",
        "hydra.sweeper.slots=2",
    )
    assert len(app.trials()) == 9
    assert len({one.user_attrs[attributes.WORKER] for one in app.trials()}) == 2
    assert not {"running", "waiting", "killed"} & set(app.kinds())
    assert max(epochs(app).values()) == 1
    assert app.kinds()[by_value(app.trials())[0]] == "complete"


def test_the_workers_of_two_starts_promote_no_trial_twice(toy: MakeToy, database: Server) -> None:
    app = make(toy)
    heads = [app.start(*PROMOTION, f"hydra.sweeper.storage={database.url}") for _ in range(2)]
    outputs = [head.communicate(timeout=PATIENCE_S)[0] for head in heads]
    assert [head.returncode for head in heads] == [0, 0], outputs
    trials = trials_in(database.url)
    assert len(trials) == 9, "each start draws by a seed of its own"
    assert {kind_of(one) for one in trials} <= {"complete", "paused", "pruned"}
    assert max(epochs(app).values()) == 1


# The first time that a trial goes on, it is killed.
KILLED_ONCE = TRAINING.replace(
    'while done and Path("hold").exists(): time.sleep(0.02)',
    """if done and not Path("killed").exists():
        Path("killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)""",
)


def test_a_killed_trial_that_went_on_is_retried_and_counts_once(toy: MakeToy) -> None:
    app = make(toy, KILLED_ONCE)
    app.run_in_process(*PROMOTION)
    trials = app.trials()
    killed = next(one for one in trials if attributes.RETRIED in one.user_attrs)
    again = next(one for one in trials if one.user_attrs.get(attributes.RETRY_OF) == killed.number)
    assert len(trials) == 10
    assert again.params == killed.params
    assert sorted(again.intermediate_values)[: len(killed.intermediate_values)] == sorted(
        killed.intermediate_values
    )
    assert max(epochs(app).values()) == 1
    assert Counter(app.kinds())["pruned"] == 6, "of 9 points, as without the kill"


def test_a_point_that_a_paused_trial_has_is_a_duplicate(toy: MakeToy) -> None:
    app = make(toy)
    app.run(*PROMOTION, "x=choice(0.1,0.2,0.3,0.4)")
    trials, kinds = app.trials(), Counter(app.kinds())
    assert sum(kinds.values()) - kinds["duplicate"] == 4, "the space is exhausted"
    assert app.study().best_value == 0.1
    copies = [
        one
        for one in trials
        if attributes.DUPLICATE_OF in one.user_attrs and one.state == TrialState.PRUNED
    ]
    for one in copies:
        known = trials[one.user_attrs[attributes.DUPLICATE_OF]]
        assert one.intermediate_values.items() <= known.intermediate_values.items()


def test_two_objectives_pause_on_the_named_one(toy: MakeToy) -> None:
    app = make(toy, TRAINING.replace("return cfg.x", "return cfg.x, -cfg.x"))
    given = (*PROMOTION, "hydra.sweeper.direction={loss: minimize, cost: minimize}")
    assert "name one by hydra.sweeper.prune_on" in app.refuse(*given)
    app.run(*given, "hydra.sweeper.prune_on=loss")
    assert app.kinds()[by_value(app.trials())[0]] == "complete"
    assert app.kinds().count("complete") < 5


def test_a_schedule_beside_a_pruner_is_refused(toy: MakeToy) -> None:
    output = make(toy).refuse(*PROMOTION, "hydra/sweeper/pruner=median")
    assert "not both, but got hydra_study.Promotion and optuna.pruners.MedianPruner" in output
    assert "Traceback" not in output
