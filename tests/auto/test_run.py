"""The stages run in their order, go on where they stopped, and the test part is used once."""

import json
import re
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from convsweep.auto.process import InterruptedStageError
from convsweep.auto.request import parse_request
from convsweep.auto.start import auto
from convsweep.errors import UserError
from tests.conftest import ROOT

from .conftest import ORDER, RECORD, Commands, result, run, state_of, write


def test_a_whole_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commands = Commands()
    assert run(tmp_path, commands, "budget=30min", "hydra/launcher=ray") == 0
    assert commands.names == ORDER
    trainings = [each for each in commands.called if each[0] in ("train", "confirm")]
    assert all("test=false" in each or "sweeps=search" in each for each in trainings)
    of_engine = ["hydra/launcher=ray" in each for each in commands.called]
    assert [name for name, has in zip(ORDER, of_engine, strict=True) if has] == ["plan", "search"]
    assert {"top=2", "seeds=5"} < set(commands.called[3]), "two besides the baseline are complete"
    winner = commands.called[4]
    assert str(tmp_path / "study" / "confirm") in winner
    assert "data.train_on_val=true" in winner
    assert "trainer.max_epochs=5" in winner, (
        "the median of the best epochs, since they were stopped early"
    )
    said = capsys.readouterr().out
    for line in (tmp_path / "commands.txt").read_text().splitlines():
        assert line.startswith("# ") or f"$ {line}" in said
    assert "to beat: val/accuracy 0.8 of the baseline; with 144 samples" in said
    assert "test accuracy 0.75" in said
    assert "trial 1 is better (val/accuracy +0.0500, 95 % interval +0.0300 to +0.0700" in said
    keys = {
        line.partition(":")[0] for line in (ROOT / "conf" / "config.yaml").read_text().split("\n")
    }
    # a folder of a config's name would be a group of configs, since the plan is in --config-dir
    assert not keys & {file.name for file in tmp_path.iterdir()} - {"sweeps"}
    card = (tmp_path / "card.md").read_text()
    assert "expected calibration error 0.150" in card
    assert "4 test samples are few" in card


@pytest.mark.parametrize("answer", ["not_shown", "not_better", "worse"])
def test_without_a_better_network_the_baseline_is_the_winner(tmp_path: Path, answer: str) -> None:
    commands = Commands(answer)
    run(tmp_path, commands)
    assert commands.called[4][2:5] == [str(tmp_path), "--config-name", "plan"]
    assert "baseline of the plan" in (tmp_path / "card.md").read_text()


def test_the_same_command_goes_on_in_the_same_stage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(name: str) -> None:
        if name == "search":
            time.sleep(0.05)
            raise InterruptedStageError(signal.SIGTERM)

    first, second = Commands(hook=stop), Commands()
    assert run(tmp_path, first) == 128 + signal.SIGTERM
    before = state_of(tmp_path)
    assert before.stages["search"].status == "running"
    assert before.stages["search"].seconds >= 0.05
    run(tmp_path, second, "budget=30min", "--dry-run")
    assert second.names == ["preview"]
    second.called.clear()
    assert run(tmp_path, second) == 0
    assert f"going on in {tmp_path}: 2 of 9 stages are done" in capsys.readouterr().out
    assert second.names == ORDER[2:]
    assert second.called[0] == first.called[-1], "a search goes on with its first share"
    assert state_of(tmp_path).stages["search"].seconds >= before.stages["search"].seconds


def test_a_killed_start_has_counted_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("convsweep.auto.run.SAVE_EVERY_S", 0.0)
    seen: list[float] = []

    class Following(Commands):
        def __call__(self, arguments: Any, folder: Path, begin: Any, follow: Any) -> int:
            begin(17)
            time.sleep(0.03)
            follow()
            kept = json.loads((folder / "state.json").read_text())
            seen.append(kept["stages"]["plan"]["seconds"])
            assert kept["pid"] == 17
            raise SystemExit

    with pytest.raises(SystemExit):
        run(tmp_path, Following())
    assert seen[0] >= 0.03


def test_a_finished_folder_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, Commands())
    again = Commands()
    assert run(tmp_path, again) == 0
    assert again.called == []
    assert f"{tmp_path} is finished" in capsys.readouterr().out


def test_a_folder_that_was_copied_in_the_middle_of_a_run_is_refused(tmp_path: Path) -> None:
    began, copy = tmp_path / "began", tmp_path / "copy"
    commands = Commands()
    with pytest.raises(UserError, match="search failed"):
        run(began, Commands(codes={"search": -9}))
    shutil.copytree(began, copy)
    with pytest.raises(UserError, match=f"where it began, {began}, but this one is {copy}"):
        run(copy, commands)
    assert not commands.called
    assert run(began, Commands()) == 0
    shutil.move(began, tmp_path / "moved")
    assert run(tmp_path / "moved", commands) == 0, "a finished one only says so"


def test_other_overrides_and_other_data_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="baseline failed with exit code 1"):
        run(tmp_path, Commands(codes={"baseline": 1}))
    with pytest.raises(UserError, match=r"optimizer.lr: not given then, 0.1 now"):
        run(tmp_path, Commands(), "budget=30min", "optimizer.lr=0.1")
    now = {"b.png": "2 cf", "c.png": "3"}
    with pytest.raises(UserError, match=r"1 new: c.png; 1 gone: a.png; 1 changed: b.png"):
        run(tmp_path, Commands(), data=now)
    after = Commands()
    assert run(tmp_path, after, "budget=1h") == 0, "a budget may change"
    assert after.names == ORDER[1:]


def test_a_folder_is_named_after_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for root in ("cats", "dogs", "cats"):
        words = ["data=image_folder", f"data.root=pictures/{root}", "budget=30min"]
        auto(parse_request(words), Commands(), lambda overrides: RECORD["data_fingerprint"])
    found = sorted(path.name for path in (tmp_path / "auto").iterdir())
    assert found == ["image_folder_cats_1", "image_folder_dogs_1"]


def test_a_mistake_leaves_no_folder(tmp_path: Path) -> None:
    commands = Commands(codes={"plan": 1})  # which has printed its message
    assert run(tmp_path / "auto" / "one", commands) == 1
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UserError, match="plan failed with exit code -9"):
        run(tmp_path / "auto" / "one", Commands(codes={"plan": -9}))
    assert list(tmp_path.iterdir()) == []


def test_an_export_that_fails_does_not_end_the_run(tmp_path: Path) -> None:
    commands = Commands(codes={"export": 1})
    assert run(tmp_path, commands) == 0
    assert state_of(tmp_path).stages["export"].note.startswith("failed with exit code 1")


def test_a_search_that_fails_leaves_the_baseline(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Such as by a mistake in the user's own network, which every start would meet again."""
    commands = Commands(codes={"search": 1})
    assert run(tmp_path, commands) == 0
    assert commands.names == [name for name in ORDER if name != "confirm"]
    assert commands.called[3][2:5] == [str(tmp_path), "--config-name", "plan"]
    assert "(the search failed)" in capsys.readouterr().out
    assert "search | failed" in (tmp_path / "card.md").read_text()


def test_a_training_on_all_data_that_fails_leaves_a_network_of_before(tmp_path: Path) -> None:
    commands = Commands(codes={"winner": 1})
    assert run(tmp_path, commands) == 0
    assert commands.names == ORDER
    assert str(tmp_path / "study" / "confirm" / "runs" / "1") in commands.called[5]
    assert "failed with exit code 1" in (tmp_path / "card.md").read_text()


@pytest.mark.parametrize("score", [0.84, 0.86])
def test_a_training_on_all_data_that_collapsed_is_not_the_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], score: float
) -> None:
    """It knows the samples on which its score is compared."""

    class Collapsing(Commands):
        def write_winner(self, folder: Path) -> None:
            write(folder / "winner" / "result.json", result(score, 5))

    commands = Collapsing()
    assert run(tmp_path, commands) == 0
    has_failed = score < 0.85  # of the trainings with several seeds
    kept = tmp_path / "study" / "confirm" / "runs" / "1" if has_failed else tmp_path / "winner"
    assert str(kept) in commands.called[5]
    said = f"its val/accuracy is {score} on samples that it was trained on, but at worst 0.85"
    assert (said in capsys.readouterr().out) == has_failed
    card = (tmp_path / "card.md").read_text()
    assert (said in card) == has_failed
    assert ("it is of trainings before the last one" in card) != has_failed


def test_a_run_that_ends_while_it_writes_the_card_is_not_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(context: Any) -> Path:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr("convsweep.auto.run.write_card", full)
        with pytest.raises(OSError, match="no space left"):
            run(tmp_path, Commands())
    again = Commands()
    assert run(tmp_path, again) == 0
    assert again.called == []
    assert (tmp_path / "card.md").is_file()


def test_folds_are_refused_for_data_with_a_part_to_validate_on(tmp_path: Path) -> None:
    commands = Commands()
    with pytest.raises(UserError, match="this data has a part of its own to validate on"):
        run(tmp_path, commands, "budget=30min", "folds=5")
    assert commands.names == ["plan"]


def test_the_table_counts_the_time_of_this_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(name: str) -> None:
        if name == "baseline":
            raise InterruptedStageError(signal.SIGTERM)

    def slow(overrides: list[str]) -> dict[str, str]:
        time.sleep(1.0)
        same: Any = RECORD["data_fingerprint"]
        return dict(same)

    run(tmp_path, Commands(hook=stop))
    capsys.readouterr()
    request = parse_request(["data=digits", f"folder={tmp_path}", "budget=30min"])
    assert auto(request, Commands(), slow) == 0
    spent = re.search(r"budget 30 min 0 s, spent ([\d.]+) s", capsys.readouterr().out)
    assert spent is not None
    assert float(spent[1]) >= 1.0


def test_a_dry_run_trains_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commands = Commands()
    assert run(tmp_path, commands, "budget=30min", "--dry-run") == 0
    assert commands.names == ["plan", "preview"]
    said = capsys.readouterr().out
    assert "  convsweep train -m" in said
    assert "convsweep confirm" in said
    assert run(tmp_path, commands) == 0
    assert commands.names[2:] == ORDER[1:], "and the plan is used"
