"""Dead workers are detected at once on the same machine, and by a stale counter on others."""

import json
import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from hydra_study.config import StudyConf
from hydra_study.processes.slots import make_slots, visible_gpus
from hydra_study.storage import heartbeat
from hydra_study.storage.heartbeat import Heartbeat, LivenessMonitor
from tests.read_only import run_read_only

READ = "from pathlib import Path; from hydra_study.storage.heartbeat import LivenessMonitor"


def beat_and_wait(folder: Path) -> None:
    Heartbeat(folder, "other").beat({"trials": []})
    time.sleep(60)


def test_a_worker_is_dead_when_its_process_is(tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=beat_and_wait, args=(tmp_path,))
    process.start()
    watch = LivenessMonitor(tmp_path, stale_after=1000)
    while not (tmp_path / "other.json").exists():
        time.sleep(0.02)
    assert not watch.is_dead("other")
    assert list(watch.living_workers()) == ["other"]
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert watch.is_dead("other")
    assert watch.living_workers() == {}
    assert watch.is_dead("never heard of")


def test_a_worker_of_another_machine_is_dead_when_its_counter_is_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = -1000.0  # of a machine that has just been started
    monkeypatch.setattr(heartbeat.time, "monotonic", lambda: now)
    watch = LivenessMonitor(tmp_path, stale_after=60)

    def is_dead(count: int, seconds: float) -> bool:
        nonlocal now
        now += seconds
        (tmp_path / "far.json").write_text(
            json.dumps({"machine": "elsewhere/1", "count": count, "time": -1e9})
        )
        return watch.is_dead("far")

    assert not is_dead(1, 0), "seen for the first time"
    assert not is_dead(2, 50)
    assert not is_dead(2, 20), "it has moved since"
    assert not is_dead(2, 20)
    assert is_dead(2, 21)
    assert not is_dead(3, 1), "it was alive"
    assert not is_dead(3, 10_000), (
        "nobody looked: the watching machine was paused, and perhaps both were"
    )
    assert not is_dead(3, 20)
    assert is_dead(3, 20)


def test_slots_divide_gpus_and_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    assert visible_gpus() == ["2", "5"]

    def environments(**options: float) -> list[str | None]:
        return [
            slot.environment.get("CUDA_VISIBLE_DEVICES")
            for slot in make_slots(StudyConf(**options))
        ]  # type: ignore[arg-type]

    assert environments() == ["2", "5"], "one slot a GPU"
    assert sorted(map(str, environments(gpus=0.5))) == ["2", "2", "5", "5"]
    assert environments(gpus=2) == ["2,5"]
    assert environments(gpus=0, slots=3) == ["", "", ""]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert environments(slots=2) == [None, None]
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "1")
    monkeypatch.setenv("SUBMITIT_EXECUTOR", "slurm")
    assert environments(workers=16) == [None], (
        "a job's own cores, whatever the machine has and however many jobs there are"
    )


def test_a_read_only_folder_shows_whether_a_worker_is_alive(tmp_path: Path) -> None:
    (tmp_path / "dead.lock").touch()
    living = Heartbeat(tmp_path, "living")
    folder, look = (
        repr(str(tmp_path)),
        "print([watch.is_dead(worker) for worker in ('dead', 'living', 'never')])",
    )
    code = (
        f"{READ}; watch = LivenessMonitor(Path({folder}), 60); {look}; Path({folder},"
        " 'new').touch()"
    )
    try:
        done = run_read_only(tmp_path, "-c", code)
    finally:
        living.end()
    assert done.stdout == "[True, False, True]\n", done.stderr
    assert "Read-only file system" in done.stderr, "a file cannot be made there"
