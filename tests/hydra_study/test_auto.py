"""`hydra/sweeper/sampler=auto` looks at the space."""

from typing import Any

import pytest

from hydra_study.space.grammar import parse_parameters
from hydra_study.space.space import Space
from hydra_study.trials.auto import choose_sampler

from .conftest import MakeToy

FLAT = {"x": "interval(0,1)", "k": "choice(3,5,7)", "act": "choice(relu,gelu)"}
CONDITIONAL = {**FLAT, "$y": {"values": "interval(0,1)", "when": "k > 3"}}


@pytest.mark.parametrize(
    ("params", "several", "name"),
    [
        (FLAT, False, "gp_curves"),
        (CONDITIONAL, False, "tpe_group"),
        (CONDITIONAL, True, "tpe_group"),
        (FLAT, True, "tpe"),
    ],
)
def test_the_space_chooses(params: dict[str, Any], several: bool, name: str) -> None:
    space = Space(parse_parameters(params, [], loader=None))  # type: ignore[arg-type]
    assert choose_sampler(space, several=several)[0] == name


def test_a_hook_may_add_parameters_that_the_space_does_not_know(toy: MakeToy) -> None:
    space = Space(parse_parameters(FLAT, [], loader=None))  # type: ignore[arg-type]
    assert choose_sampler(space, several=False, has_hook=True)[0] == "tpe"
    options = "n_trials: 1\nslots: 1\nparams: {x: 'interval(0,1)'}\nsuggest: hook.suggest"
    app = toy("return cfg.x", sweeper=options)
    (app.folder / "hook.py").write_text("def suggest(trial, params): return {}")
    output = app.run("hydra/sweeper/sampler=gp_curves")
    assert "gp_curves draws the parameters that hydra.sweeper.suggest=hook.suggest may" in output


def test_a_sweep_says_what_was_chosen_and_runs(toy: MakeToy) -> None:
    space = "{x: 'interval(0,1)', $y: {values: 'interval(0,1)', when: x > 0.5}}"
    app = toy("return cfg.x", sweeper=f"n_trials: 4\nslots: 1\nparams: {space}")
    output = app.run("hydra/sweeper/sampler=auto", "hydra.sweeper.sampler.n_startup_trials=2")
    assert "sampler=auto chose tpe_group, since the space has conditions" in output
    assert app.kinds() == ["complete"] * 4


def test_a_chosen_sampler_of_several_objectives_is_built(toy: MakeToy) -> None:
    options = "n_trials: 3\nslots: 1\nparams: {x: 'interval(0,1)'}"
    app = toy("return cfg.x, -cfg.x", sweeper=f"{options}\ndirection: {{a: minimize, b: minimize}}")
    assert "sampler=auto chose tpe, since there are several objectives" in app.run(
        "hydra/sweeper/sampler=auto"
    )
