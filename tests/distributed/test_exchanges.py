"""In front of and within a step, processes exchange nothing but gradients, and wait for no
number.
"""

import json
import sys
from pathlib import Path

import pytest
import torch
from tests.conftest import NO_PICTURES
from tests.distributed.test_ranks import PATIENCE_S, start

from convsweep.patches import is_usable
from convsweep.patches.lightning import LOST_RANK, RARE_SIGTERM

pytestmark = pytest.mark.long

COUNT = "+callbacks.count._target_=rank_callbacks.Exchanges"
FAIL = "+callbacks.fail={_target_: rank_callbacks.Fail, rank: 1, epoch: 2, how: raise}"


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, str]:
    """Return the folder of a run in two processes that were watched, of which the second fails
    after two epochs, its exit code and what it printed.
    """
    options = [
        "trainer=ddp_cpu",
        "model.net.width=4",
        "trainer.max_epochs=3",
        "data.batch_size=16",
        "test=false",
        "logger=none",
        *NO_PICTURES,
        COUNT,
        FAIL if is_usable(LOST_RANK) else "trainer.max_epochs=2",
        "hydra.run.dir=run",
    ]
    place = tmp_path_factory.mktemp("watched")
    process = start(place, sys.executable, "-m", "convsweep", "train", *options)
    output, _ = process.communicate(timeout=PATIENCE_S)
    return place / "run", process.returncode, output


@pytest.fixture
def folder(ended: tuple[Path, int, str]) -> Path:
    """Return the folder of that run."""
    return ended[0]


@pytest.mark.skipif(not is_usable(LOST_RANK), reason=LOST_RANK.without)
def test_a_process_that_fails_ends_the_run_with_its_message(ended: tuple[Path, int, str]) -> None:
    folder, code, output = ended
    assert code == 1, output
    assert "Error: process 1 of the training failed: no luck" in output
    result = json.loads((folder / "result.json").read_text())
    assert (result["outcome"], result["reason"]) == (
        "error",
        "process 1 of the training failed: no luck",
    )
    assert result["best_epoch"] in (1, 2)


def test_a_step_sends_gradients_alone(folder: Path) -> None:
    for rank in (0, 1):
        _, second = json.loads((folder / f"exchanged_{rank}.json").read_text())
        steps = second.pop("steps")
        assert steps > 30
        assert 0 <= second.pop("c10d.allreduce_") - steps <= 2, (
            "one bucket of gradients; SIGTERM is asked for now and then"
        )
        if not is_usable(RARE_SIGTERM):
            # that of the first step comes before it is watched
            assert second.pop("c10d.broadcast_") == steps - 1
            second.pop("aten._local_scalar_dense", None)
        assert all(count <= 2 for count in second.values()), (
            f"nothing else is sent, but there are {second}"
        )


def test_all_processes_validate_with_the_buffers_of_the_first(folder: Path) -> None:
    first, second = (json.loads((folder / f"buffers_{rank}.json").read_text()) for rank in (0, 1))
    assert first == second
    kept = torch.load(folder / "checkpoints/last.ckpt", weights_only=True)["state_dict"]
    assert all(kept[f"net.{name}"].tolist() == value for name, value in first.items())
    assert any("running_mean" in name for name in first)
