"""A study and its folder belong together, and outcomes to both."""

import json
from pathlib import Path

import pytest
from optuna.trial import TrialState, create_trial

from .conftest import PATIENCE_S, MakeToy, wait_for
from .stepping import make, steps_of

pytestmark = pytest.mark.long


def test_a_study_has_one_folder(toy: MakeToy) -> None:
    app = make(toy, 4, steps=40)
    storage = f"hydra.sweeper.storage={app.sweep}/study.journal"
    process = app.start(storage)
    wait_for(lambda: steps_of(app) > 4)
    output = app.refuse(storage, "hydra.sweep.dir=elsewhere")
    assert f"but study 'app' has {app.sweep}, and this start has {app.folder}/elsewhere" in output
    assert f"start it with hydra.sweep.dir={app.sweep}" in output
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, output
    assert app.kinds() == ["complete"] * 4, "nothing was reaped"
    app.run_in_process(storage, f"hydra.sweep.dir={app.sweep}", "hydra.sweeper.n_trials=5")


def test_a_moved_folder_goes_on_and_a_lost_one_is_left_only_if_that_is_accepted(
    toy: MakeToy, tmp_path: Path
) -> None:
    app = make(toy, 2, steps=1)
    storage = f"hydra.sweeper.storage={tmp_path}/elsewhere.journal"
    app.run_in_process(storage)
    app.sweep.rename(app.folder / "moved")
    app.run_in_process(storage, "hydra.sweep.dir=moved", "hydra.sweeper.n_trials=3")
    assert (app.folder / "moved" / "2").is_dir()
    (app.folder / "moved").rename(tmp_path / "lost")
    output = app.refuse(storage, "hydra.sweeper.n_trials=4")
    assert "where that folder is gone for good: hydra.sweeper.changed_folder=accept" in output
    app.run_in_process(storage, "hydra.sweeper.n_trials=4", "hydra.sweeper.changed_folder=accept")
    assert [path.name for path in app.sweep.glob("[0-9]*")] == ["3"]


def test_a_study_does_not_begin_in_a_folder_with_trials_of_another(toy: MakeToy) -> None:
    app = make(toy, 2, steps=1)
    app.run_in_process()
    (app.sweep / "study.journal").unlink()
    output = app.refuse()
    assert (
        f"a study must begin in a folder without trials, but {app.sweep} has those of another one"
        " (0, 1)" in output
    )
    assert "choose another hydra.sweeper.study_name" in output


def test_an_outcome_of_another_start_is_not_taken_for_a_result(toy: MakeToy) -> None:
    app = make(toy, 1, steps=1)
    app.run_in_process()
    path = app.sweep / "0" / "outcome.json"
    said = json.loads(path.read_text())
    study = app.study()
    assert (said["study"], said["study_id"]) == ("app", study.user_attrs["id"])
    assert said["session"] == app.trials()[0].user_attrs["session"]
    facts = {"worker": "dead", "session": said["session"]}
    for number, change in enumerate(
        [{}, {"session": "before"}, {"study_id": "0"}, {"study": "other"}], start=1
    ):
        study.add_trial(create_trial(state=TrialState.RUNNING, user_attrs=facts))
        (app.sweep / str(number)).mkdir()
        (app.sweep / str(number) / "outcome.json").write_text(json.dumps(said | change))
    app.run_in_process("hydra.sweeper.n_trials=5")
    assert app.kinds()[:5] == ["complete", "complete", "killed", "killed", "killed"]
