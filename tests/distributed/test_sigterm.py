"""SIGTERM in the middle of a step ends a training of several processes as killed, and hangs none of
them.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import NO_PICTURES, ROOT
from tests.distributed.test_ranks import PATIENCE_S

pytestmark = pytest.mark.long


def test_a_signal_in_a_step_ends_all_processes(tmp_path: Path) -> None:
    terminate = "+callbacks.terminate={_target_: rank_callbacks.Terminate, epoch: 1}"
    options = [
        "trainer=ddp_cpu",
        "trainer.max_epochs=50",
        "model.net.width=4",
        "logger=none",
        "hydra.run.dir=run",
        terminate,
        *NO_PICTURES,
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "convsweep", "train", *options],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "tests" / "distributed"),
            "OMP_NUM_THREADS": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        output, _ = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    assert process.returncode == 128 + signal.SIGTERM, output
    assert output.count("SIGTERM: the training ends after the step in progress") == 1
    assert "resume with resume=run" in output
    assert json.loads((tmp_path / "run/result.json").read_text())["outcome"] == "killed"
