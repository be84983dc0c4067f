"""The best trials of earlier sweeps are read from journals and databases without writing."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from omegaconf import OmegaConf

from hydra_study import attributes
from hydra_study.errors import StudyError
from hydra_study.objectives import parse_objectives
from hydra_study.paths import SweepPaths
from hydra_study.space.grammar import parse_parameters
from hydra_study.space.space import Space
from hydra_study.storage.journal import open_journal
from hydra_study.storage.storage import create_study, open_storage
from hydra_study.trials.starting_points import points_of, points_of_sweep

SPACE = Space(parse_parameters({"x": "interval(0,1)"}, [], loader=None))  # type: ignore[arg-type]


def finish(study: optuna.Study) -> None:
    """Give a study two complete trials."""
    for x in (0.5, 0.25):
        study.enqueue_trial({"x": x})
        trial = study.ask()
        study.tell(trial, trial.suggest_float("x", 0, 1))


def test_a_folder_without_a_sweep_is_refused_and_left_alone(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no sweep"):
        points_of_sweep(tmp_path, SPACE)
    assert not list(tmp_path.iterdir())


def test_the_winner_of_a_journal_is_read_without_writing(tmp_path: Path) -> None:
    finish(
        create_study(
            open_journal(tmp_path / "study.journal"), "s", parse_objectives("minimize", None)
        )
    )
    (tmp_path / "study.journal.flock").unlink()
    assert points_of_sweep(tmp_path, SPACE) == [{"x": 0.25}]
    assert [path.name for path in tmp_path.iterdir()] == ["study.journal"]


def test_the_winner_of_the_finals_counts_and_not_the_luckiest_seed(tmp_path: Path) -> None:
    study = create_study(
        open_journal(tmp_path / "study.journal"), "s", parse_objectives("minimize", None)
    )
    finish(study)
    for number, values in ((0, (0.3, 0.3)), (1, (0.1, 0.9))):
        for repetition, value in enumerate(values, 1):
            attrs = {attributes.FINALIST_OF: number, attributes.REPETITION: repetition}
            study.enqueue_trial({"x": (0.5, 0.25)[number]}, user_attrs=attrs)
            trial = study.ask()
            trial.suggest_float("x", 0, 1)
            study.tell(trial, value)
    assert points_of_sweep(tmp_path, SPACE) == [{"x": 0.5}]


def test_one_of_several_equal_winners_is_a_starting_point(tmp_path: Path) -> None:
    study = create_study(
        open_journal(tmp_path / "study.journal"), "s", parse_objectives("minimize", None)
    )
    for _ in range(3):
        finish(study)
    assert points_of_sweep(tmp_path, SPACE) == [{"x": 0.25}]


def test_a_preset_gives_values_and_not_texts() -> None:
    def load(config: object, overrides: list[str]) -> Any:
        return OmegaConf.create(
            {"lr": 0.01, "k": 3, "hydra": {"runtime": {"choices": {"net": "b"}}}}
        )

    params = {"lr": "interval(0.001,1)", "k": "choice(3,5)", "net": "choice(a,b)"}
    space = Space(parse_parameters(params, [], loader=None))  # type: ignore[arg-type]
    loader = SimpleNamespace(load_sweep_config=load)
    spec: Any = SimpleNamespace(hydra_context=SimpleNamespace(config_loader=loader), config=None)
    assert points_of(["net=b", "lr=0.01", "k=3"], space, spec) == [{"lr": 0.01, "k": 3, "net": "b"}]


def test_the_winner_of_a_database_is_read(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/elsewhere.db"
    finish(
        create_study(
            open_storage(url, SweepPaths(tmp_path), 1), "s", parse_objectives("minimize", None)
        )
    )
    folder = tmp_path / "sweep"
    folder.mkdir()
    (folder / "multirun.yaml").write_text(
        f"hydra: {{sweeper: {{study_name: s, storage: '{url}'}}, runtime: {{cwd: /}}}}"
    )
    assert points_of_sweep(folder, SPACE) == [{"x": 0.25}]
    assert [path.name for path in folder.iterdir()] == ["multirun.yaml"]
