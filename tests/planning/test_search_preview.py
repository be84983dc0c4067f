"""A dry run says what a search would do, and leaves nothing behind."""

from pathlib import Path
from typing import Any

import pytest

from convsweep.planning.given import parse_given
from convsweep.planning.search_preview import (
    TrialCost,
    cost_lines,
    preview,
    preview_lines,
    total_text,
)
from hydra_study import StudyError
from hydra_study.preview import Preview
from hydra_study.space.grammar import parse_parameters
from hydra_study.space.space import Space

SPACE = {"model.net.width": "choice(4,64)", "model.net.kernel_size": "choice(3,5)"}
GIVEN = ["data=digits", "data.max_train=128", "trainer=cpu", "num_threads=1", "logger=none"]


def search_of(tmp_path: Path, *more: str, **limits: Any) -> Preview:
    given = parse_given([*GIVEN, *more])
    space = Space(parse_parameters(SPACE, [], loader=None))  # type: ignore[arg-type]
    own = {"n_trials": 40, "timeout": None, "at_once": 2, **limits}
    return Preview(space, given.compose, folder=tmp_path / "multirun" / "search", **own)


def test_a_search_is_described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = list(preview_lines(search_of(tmp_path, "budget.max_params=20000")))
    assert lines[0] == "points of the space: 4, of 2 parameters"
    trained, excluded = (int(lines[1].split(": ")[1].split(" ")[0]), lines[1].rpartition("; ")[2])
    assert 0 < trained < 20
    assert excluded == f"{20 - trained} not: budget.max_params"
    assert lines[2].endswith("here (measured on 2)")
    assert lines[3].startswith("all of it: 4 trials, 2 at a time"), "there are no more points"
    assert list(tmp_path.iterdir()) == []


def test_a_mistake_is_a_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sizes = ["data.length=64", "data.num_train=32", "data.num_val=8", "data.num_test=8"]
    search = search_of(tmp_path, "data=signals", "model=denoising", "data/augment=shift", *sizes)
    with pytest.raises(StudyError, match=r"data\.augment changes images"):
        preview(search)


def test_disk_and_memory_are_those_of_all_trials(tmp_path: Path) -> None:
    search = search_of(tmp_path, n_trials=3)
    trials = [TrialCost(10.0, 2**20, 2**21), TrialCost(30.0, 2**19, 2**20)]
    disk, memory = cost_lines(search, trials)[-2:]
    assert disk.startswith("disk: at most about 3 MiB of ")
    assert memory.startswith("memory: about 4 MiB for 2 steps at a time")


def test_the_time_of_all_trials(tmp_path: Path) -> None:
    alone = search_of(tmp_path, at_once=1)
    assert "4 trials, 1 at a time, about 1 min 20 s" in total_text(alone, 20.0, 4)
    limited = search_of(tmp_path, timeout=60.0)
    assert total_text(limited, 20.0, 4).endswith(
        "; it ends after 1 min 0 s, which holds about 5 trials of full length"
    )
