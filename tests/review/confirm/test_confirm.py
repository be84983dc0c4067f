"""A confirmation trains the best and the baseline again with fresh seeds, each once, and believes
what came of it.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from omegaconf import OmegaConf

from convsweep.review.confirm.confirmation import first_seed
from convsweep.review.confirm.engine import arguments
from hydra_study.config import StudyConf
from tests.hydra_study.conftest import PATIENCE_S, wait_for

from .conftest import MakeConfirmed

pytestmark = pytest.mark.long


def test_the_lucky_winner_of_a_search_is_found_out(swept: MakeConfirmed) -> None:
    one = swept("net=good,lucky,plain,broken", "x=0.1")
    output = one.confirm("top=2", "seeds=3")
    networks = one.networks()
    # lucky, good: as the search found them
    assert list(networks) == ["trial 1", "trial 0", "baseline"]
    assert networks["trial 1"]["found"] == pytest.approx(0.8 + 0.3 + 0.1)
    assert one.document["winner"] == "trial 0"
    assert one.document["seeds"] == [1, 2, 3]
    assert [training["test"] is not None for training in networks["baseline"]["trainings"]] == [
        True
    ] * 3
    difference = networks["trial 0"]["difference"]["test"]
    assert difference["n"] == 3
    assert abs(difference["mean"] - 0.2) < 1e-12  # 0.9 - 0.7 with every seed
    assert one.document["verdict"]["answer"] == "better"
    assert (
        "trial 0 beats the baseline: difference +0.2, 95% interval [+0.2, +0.2] leaves zero out, n"
        " = 3 seeds" in output
    )
    tested = {(seed, test) for _, _, seed, test in one.ran()}
    assert tested == {("0", "False")} | {(str(seed), "always") for seed in (1, 2, 3)}
    best = ["--config-dir", str(one.sweep / "confirm"), "--config-name", "best", "hydra.mode=RUN"]
    subprocess.run([sys.executable, "app.py", *best], cwd=one.toy.folder, check=True)
    assert one.ran()[-1] == ["good", "0.1", "0", "False"], "the winner is a preset that runs"


def test_nothing_is_trained_twice_and_more_is_only_added(swept: MakeConfirmed) -> None:
    one = swept("net=good,plain,lucky")
    one.confirm("top=1", "seeds=2")
    assert len(one.ran()) == 3 + 4
    before = one.document
    one.confirm("top=1", "seeds=2")
    assert len(one.ran()) == 3 + 4
    assert one.document == before
    one.confirm("top=2", "seeds=3")
    assert len(one.ran()) == 3 + 9
    assert len({(net, seed) for net, _, seed, _ in one.ran()}) == 3 + 9
    one.confirm("top=1", "seeds=1", "x=0.05")
    assert sorted(one.ran()[12:]) == [
        ["lucky", "0.05", "1", "always"],
        ["plain", "0.05", "1", "always"],
    ]
    assert one.document["verdict"]["difference"]["low"] is None
    one.confirm("top=1", "seeds=1", "test=false")
    assert {test for *_, test in one.ran()[14:]} == {"False"}
    assert one.document["verdict"]["split"] == "validation"


def test_a_network_of_which_all_trainings_fail_is_reported(swept: MakeConfirmed) -> None:
    one = swept("net=broken,plain", "x=0.2,0")
    output = one.confirm("top=2", "seeds=2")
    assert one.networks()["trial 0"]["validation"] is None
    assert [training["kind"] for training in one.networks()["trial 0"]["trainings"]] == [
        "error",
        "error",
    ]
    assert "trial 0, seed 1: error, RuntimeError: a broken net" in output
    assert one.document["winner"] == "trial 2"
    one.confirm("top=2", "seeds=2")
    assert sum(net == "broken" and seed == "1" for net, _, seed, _ in one.ran()) == 2, (
        "what failed is tried again"
    )
    assert sum(net == "plain" and x == "0.2" and seed == "1" for net, x, seed, _ in one.ran()) == 1


def test_a_trial_that_is_the_baseline_takes_no_place(swept: MakeConfirmed) -> None:
    one = swept("net=plain,good", "x=0.0,0.1")
    output = one.confirm("top=4", "seeds=1")
    assert "trial 0: the baseline itself, so left out" in output
    assert sorted(one.networks()) == ["baseline", "trial 1", "trial 2", "trial 3"]


def test_the_baseline_may_be_the_winner_itself_or_better(swept: MakeConfirmed) -> None:
    one = swept("net=plain,broken", "hydra.sweeper.n_trials=1")
    output = one.confirm("top=1", "seeds=2")
    assert len(one.ran()) == 1 + 2, "one network under two names is trained once"
    assert one.document["verdict"]["difference"]["mean"] == 0
    assert (
        "does not beat the baseline: difference +0, 95% interval [+0, +0] includes zero" in output
    )
    output = one.confirm("top=1", "seeds=2", "baseline=net=good x=0.1")
    assert one.document["verdict"]["answer"] == "worse"
    assert "trial 0 does not beat the baseline, it is worse: difference -0.3" in output
    assert (
        (one.sweep / "confirm" / "best.yaml")
        .read_text()
        .startswith("# trial 0 of study app. trial 0 does not beat")
    )
    assert "there is no baseline to beat" in one.confirm("top=1", "seeds=1", "baseline=none")


def test_of_two_objectives_the_front_is_ranked_by_one(swept: MakeConfirmed) -> None:
    one = swept(
        "net=good,lucky,plain,broken",
        "objectives=[val/accuracy,macs]",
        "hydra.sweeper.direction={val/accuracy:max,macs:min}",
    )
    output = one.confirm("seeds=1")
    # lucky beats all in both with the search's seed
    assert list(one.networks()) == ["trial 1", "baseline"]
    assert "the Pareto front's best by val/accuracy" in output
    one.confirm("seeds=1", "by=macs", "baseline=none")
    assert one.document["metric"] == {"validation": "macs", "test": None}
    assert one.document["direction"] == "minimize"
    assert "by must be an objective of the sweep, but is 'mac'" in one.confirm("by=mac", code=1)


def test_an_interrupted_confirmation_goes_on(swept: MakeConfirmed) -> None:
    one = swept("net=good,plain")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    arguments = [*one.command, "top=1", "seeds=4"]
    hold = one.toy.folder / "hold_later_seeds"
    hold.touch()
    with subprocess.Popen(
        arguments, start_new_session=True, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        wait_for(lambda: len(one.ran()) >= 2 + 3)
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=PATIENCE_S)
    hold.unlink()
    assert process.returncode == 130
    assert not one.document["is_finished"]
    assert "open" in output
    before = len(one.ran())
    one.confirm("top=1", "seeds=1", "x=0.1")
    assert sorted(one.ran()[before:]) == [
        ["good", "0.1", "1", "always"],
        ["plain", "0.1", "1", "always"],
    ], "nothing is left over"
    one.confirm("top=1", "seeds=4")
    assert one.document["is_finished"]
    assert {len(network["trainings"]) for network in one.networks().values()} == {4}
    assert {
        training["kind"] for network in one.networks().values() for training in network["trainings"]
    } == {"complete"}


def test_the_seeds_of_finalists_are_used() -> None:
    study = SimpleNamespace(get_trials=lambda deepcopy: [])
    options = SimpleNamespace(seed_key="seed", repeat=2, finalists={"top": 5, "seeds": 3})
    config = OmegaConf.create({"seed": 7})
    sweep: Any = SimpleNamespace(study=study, options=options, config=config)
    assert first_seed(sweep) == 7 + 2 + 3


def test_what_ends_or_directs_a_search_does_not_reach_its_confirmation(tmp_path: Path) -> None:
    options = StudyConf(
        sampler={},
        timeout=60.0,
        enqueue=[{"lr": 0.1}],
        prior=[{"lr": 0.1}],
        early_stopping={"patience": 3, "min_delta": 0.0},
        finalists={"top": 1},
        slots=3,
    )
    hydra = {"runtime": {"choices": {"hydra/launcher": "basic"}}}
    sweep: Any = SimpleNamespace(
        options=options,
        is_in_database=False,
        config=OmegaConf.create({"hydra": hydra}),
        hydra_overrides=[],
    )
    jobs: Any = SimpleNamespace(
        overrides=lambda: [[], []], study_name="s", layout=SimpleNamespace(folder=tmp_path)
    )
    given = dict(text.split("=", 1) for text in arguments(sweep, jobs, []))
    keys = ("timeout", "enqueue", "prior", "early_stopping", "finalists")
    left = [given[f"++hydra.sweeper.{key}"] for key in keys]
    assert left == ["null", "[]", "[]", "null", "null"]
    assert given["++hydra.sweeper.slots"] == "3"
