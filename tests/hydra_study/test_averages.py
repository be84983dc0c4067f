"""A trial of several trainings: folds or seeds one after the other, whose mean is its value."""

import pytest

from hydra_study import attributes

from .conftest import MakeToy

TRAINING = """
    link = trial.current()
    stopped = link.report(1, 100.0)
    assert not stopped, "what a training reports is no step of the trial"
    folder = Path(hydra.core.hydra_config.HydraConfig.get().runtime.output_dir)
    found = "anew" if link.checkpoint is None else "from " + Path(link.checkpoint).parent.name
    with open("trained.txt", "a") as log: log.write(f"{cfg.x} {folder.name} {found}\\n")
    (folder / "net.ckpt").touch()
    if cfg.x == 1 and cfg.data.fold == 1 and not Path("killed").exists():
        Path("killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return {0: 1.0, 1: 0.0, 2: 5.0}[cfg.x] + cfg.data.fold
"""
OPTIONS = """
    n_trials: 3
    slots: 1
    params: {x: 'choice(0,1,2)'}
    repeat: 3
    average_over: data.fold
"""


def test_a_trial_trains_its_folds_and_its_value_is_their_mean(toy: MakeToy) -> None:
    app = toy(TRAINING, "x: 0\ndata: {fold: 0}\nseed: 0", OPTIONS)
    output = app.run(
        "hydra/sweeper/sampler=grid",
        "hydra/sweeper/pruner=wilcoxon",
        "hydra.sweeper.pruner.p_threshold=0.3",
    )
    lines = (app.folder / "trained.txt").read_text().splitlines()
    assert lines == [
        "0 fold0 anew", "0 fold1 anew", "0 fold2 anew",
        "1 fold0 anew", "1 fold1 anew",  # killed; its retry takes over the first fold
        "1 fold1 from fold1", "1 fold2 anew",
        "2 fold0 anew", "2 fold1 anew",  # worse than the best on both folds
    ]  # fmt: skip
    trials = app.trials()
    retry = next(one for one in trials if attributes.RETRY_OF in one.user_attrs)
    assert retry.value == 1.0
    assert retry.intermediate_values == {1: 0.0, 2: 1.0, 3: 2.0}
    folds = {path.name for path in (app.sweep / str(retry.number)).glob("fold*")}
    assert folds == {"fold0", "fold1", "fold2"}
    assert app.kinds().count("pruned") == 1
    assert f"trial {retry.number}: 1 +- 0.58 (mean and standard error of 3 trainings" in output


def test_trials_pause_between_folds_and_go_on_with_the_next(toy: MakeToy) -> None:
    app = toy(TRAINING.replace("cfg.x == 1 and", "False and"), "x: 0\ndata: {fold: 0}", OPTIONS)
    app.run("hydra/sweeper/sampler=grid", "hydra/sweeper/schedule=promotion")
    lines = (app.folder / "trained.txt").read_text().splitlines()
    assert len(lines) == len(set(lines)), "no fold is trained twice"
    assert sorted(line for line in lines if line.startswith("1")) == [
        "1 fold0 anew", "1 fold1 anew", "1 fold2 anew",
    ]  # fmt: skip
    assert [line for line in lines if line.startswith("2")] == ["2 fold0 anew"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["hydra.sweeper.repeat=1"], "set it to 2 or more"),
        (["data.fold=null"], "a whole number, from which it counts, but got None at data.fold"),
    ],
)
def test_what_cannot_be_averaged_is_refused(
    toy: MakeToy, arguments: list[str], message: str
) -> None:
    app = toy(TRAINING, "x: 0\ndata: {fold: 0}\nseed: 0", OPTIONS)
    assert message in app.refuse(*arguments)
