"""What limits do: of a run, and of one that goes on with others."""

import signal
from pathlib import Path

import pytest

from convsweep.auto.process import InterruptedStageError
from convsweep.errors import UserError

from .conftest import ORDER, Commands, run, state_of, write_plan


def test_another_budget_changes_what_is_not_done(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="search failed"):
        run(tmp_path, Commands(codes={"search": -9}), "n_trials=10", "top=1")
    commands = Commands()
    run(tmp_path, commands, "n_trials=20", "top=2")
    assert commands.names == ORDER[2:]
    assert "hydra.sweeper.n_trials=20" in commands.called[0]
    assert "top=2" in commands.called[1]
    assert state_of(tmp_path).stages["search"].replaced, "which a study that has begun goes by"


def test_another_budget_plans_again_until_the_baseline_has_begun(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match="must hold at least one training"):
        run(tmp_path, Commands(), "budget=30s")
    with pytest.raises(UserError, match="search failed"):
        run(tmp_path, commands := Commands(codes={"search": -9}), "budget=20min")
    assert commands.names == ["plan", "baseline", "search"]
    assert "budget=1200s" in commands.called[0]
    assert "former limits" not in capsys.readouterr().out
    run(tmp_path, commands := Commands(), "budget=30min")
    assert commands.names == ORDER[2:]
    assert "the plan stays that of the former limits" in capsys.readouterr().out


@pytest.mark.parametrize(("words", "by"), [([], "folds=5"), (["seeds=4"], "seeds=4")])
def test_seeds_that_are_given_replace_the_folds_of_the_plan(
    tmp_path: Path, words: list[str], by: str
) -> None:
    class Folds(Commands):
        def write_plan(self, folder: Path) -> None:
            write_plan(folder, num_folds=5)

    commands = Folds()
    run(tmp_path, commands, "budget=30min", *words)
    assert commands.names[3] == "confirm"
    assert by in commands.called[3]


def test_more_time_takes_in_what_was_left_out(tmp_path: Path) -> None:
    def stop(name: str) -> None:
        if name == "winner":
            raise InterruptedStageError(signal.SIGTERM)

    run(tmp_path, Commands(hook=stop), "epochs=5")
    assert state_of(tmp_path).stages["search"].status == "left_out"
    run(tmp_path, commands := Commands(), "epochs=5")
    assert "search" not in commands.names
    other = tmp_path / "other"
    run(other, Commands(hook=stop), "epochs=5")
    state = state_of(other)
    state.stages["winner"].status = "open"  # killed between two stages
    state.write(other)
    run(other, commands := Commands(), "epochs=100")
    assert commands.names == ORDER[2:]


def test_epochs_that_hold_no_second_training_are_not_exceeded(tmp_path: Path) -> None:
    commands = Commands()
    run(tmp_path, commands, "epochs=1")
    assert commands.names == ["plan", "baseline", "evaluate", "export", "report"]
    notes = {name: each.note for name, each in state_of(tmp_path).stages.items()}
    assert notes["search"] == "epochs=1 leaves too few for a search and its finalists"
    assert notes["winner"] == "epochs=1 leaves too few for the training on all data, which needs 1"


def test_a_small_budget_leaves_out_the_search(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = Commands()
    run(tmp_path, commands, "epochs=5")
    assert commands.names == ["plan", "baseline", "winner", "evaluate", "export", "report"]
    assert "does not fit: the search and its finalists" in capsys.readouterr().out
    assert state_of(tmp_path).stages["finalists"].note == "there was no search"


def test_a_budget_below_the_baseline_is_refused(tmp_path: Path) -> None:
    commands = Commands()
    with pytest.raises(UserError, match="must hold at least one training"):
        run(tmp_path, commands, "budget=30s")
    assert commands.names == ["plan"]


def test_epochs_are_a_limit_too(tmp_path: Path) -> None:
    commands = Commands()
    run(tmp_path, commands, "epochs=40", "seeds=3")
    assert "hydra.sweeper.n_trials=26" in commands.called[2]  # 40 - 1 - 1 - 4 * 3
    assert "hydra.sweeper.timeout=null" in commands.called[2]
