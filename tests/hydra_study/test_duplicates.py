"""Infeasible and repeated networks cost milliseconds and nothing of the budget."""

from omegaconf import OmegaConf

from hydra_study.space.canonical import canonical_hash

from .conftest import MakeToy

# 24 networks: 4 depths x 3 kernels x 2 pools; a window must fit into what the layers
# before leave of 16 pixels.
CHECK = """
class TooDeep(ValueError):
    kind = "infeasible"

def check(cfg):
    size = 16
    for _ in range(cfg.depth):
        size = (size - cfg.kernel + 1) // cfg.pool
        if size < 1:
            raise TooDeep(f"kernel {cfg.kernel} at depth {cfg.depth} leaves no pixel of 16")
    return {"size": size}
"""
NETS = "depth: 1\nkernel: 3\npool: 1\nseed: 1"
SPACE = "{depth: 'range(1,5)', kernel: '3,5,7', pool: '1,2'}"
SCORE = "time.sleep(0.05); return cfg.depth * cfg.kernel - 3 * cfg.pool"


def feasible(depth: int, kernel: int, pool: int) -> bool:
    size = 16
    for _ in range(depth):
        size = (size - kernel + 1) // pool
    return size >= 1


def test_no_trial_of_the_budget_is_spent_on_an_infeasible_or_repeated_network(toy: MakeToy) -> None:
    points = [(d, k, p) for d in range(1, 5) for k in (3, 5, 7) for p in (1, 2)]
    good = [point for point in points if feasible(*point)]
    assert (len(points), len(good)) == (24, 14)
    app = toy(
        SCORE,
        NETS,
        f"n_trials: 20\nslots: 4\ndirection: maximize\nparams: {SPACE}\ncheck: nets.check",
    )
    (app.folder / "nets.py").write_text(CHECK)
    output = app.run_in_process()
    trained = [
        tuple(t.params.values())
        for t, kind in zip(app.trials(), app.kinds(), strict=True)
        if kind == "complete"
    ]
    assert sorted(trained) == sorted(good), "every feasible network once, no other"
    assert len(list(app.sweep.glob("[0-9]*"))) == len(good), "only what is trained has a folder"
    assert app.study().best_value == max(d * k - 3 * p for d, k, p in good)
    assert "the space is exhausted" in output
    assert set(app.kinds()) <= {"complete", "infeasible", "duplicate"}
    reasons = {
        t.user_attrs["reason"]
        for t, kind in zip(app.trials(), app.kinds(), strict=True)
        if kind == "infeasible"
    }
    assert "kernel 7 at depth 4 leaves no pixel of 16" in reasons or not reasons
    facts = [
        t.user_attrs["size"]
        for t, kind in zip(app.trials(), app.kinds(), strict=True)
        if kind == "complete"
    ]
    assert len(facts) == len(good)


def test_a_known_result_is_reused_and_a_repeat_gets_another_seed(toy: MakeToy) -> None:
    options = "n_trials: 6\nslots: 2\nparams: {x: 'choice(1,1.0,2)'}\nrepeat: 3"
    app = toy("return cfg.x + cfg.seed / 100", "x: 0\nseed: 7", options)
    app.run_in_process("hydra/sweeper/sampler=random")
    values = sorted(
        t.values[0] for t, kind in zip(app.trials(), app.kinds(), strict=True) if kind == "complete"
    )
    assert values == [1.07, 1.08, 1.09, 2.07, 2.08, 2.09]
    for trial, kind in zip(app.trials(), app.kinds(), strict=True):
        if kind == "duplicate" and trial.values is not None:
            assert trial.values == app.trials()[trial.user_attrs["duplicate_of"]].values


def test_the_canonical_form_depends_on_values_only() -> None:
    base = OmegaConf.create(
        {
            "seed": 1,
            "net": {"width": 8, "twice": "${net.width}"},
            "shape": {"in": "???"},
            "y": "${shape.in}",
        }
    )
    same = OmegaConf.create(
        {"seed": 2, "y": "${shape.in}", "shape": {"in": "???"}, "net": {"twice": 8, "width": 8.0}}
    )
    other = OmegaConf.create(
        {"seed": 1, "net": {"width": 8, "twice": 9}, "shape": {"in": "???"}, "y": "${shape.in}"}
    )
    hashes = [canonical_hash(config, ["seed", "not.there"], None) for config in (base, same, other)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_an_applications_canonical_form_selects_the_keys_that_count() -> None:
    first, second = OmegaConf.create({"depth": 1, "k2": 3}), OmegaConf.create({"depth": 1, "k2": 5})
    form = lambda config: {"depth": config.depth}  # noqa: E731
    assert canonical_hash(first, [], form) == canonical_hash(second, [], form)


def test_a_key_that_is_searched_is_never_ignored(toy: MakeToy) -> None:
    app = toy("return cfg.x + cfg.seed / 100", "x: 1\nseed: 0", "n_trials: 3\nslots: 1")
    app.run_in_process("seed=1,2,3", "hydra/sweeper/sampler=grid")
    assert app.kinds() == ["complete"] * 3
    assert sorted(trial.values[0] for trial in app.trials()) == [1.01, 1.02, 1.03]


def test_a_label_that_a_hook_sets_is_ignored(toy: MakeToy) -> None:
    options = "n_trials: 1\nslots: 1\nparams: {x: '1,1.5'}\nsuggest: hook.suggest"
    app = toy("return cfg.x", "x: 1\nlogger: {name: ''}", options)
    (app.folder / "hook.py").write_text(
        "def suggest(trial, params): return {'x': 1, 'logger.name': f'trial{trial.number}'}"
    )
    app.run_in_process("hydra.sweeper.n_trials=2", "hydra/sweeper/sampler=grid")
    assert app.kinds() == ["complete", "duplicate"]
