"""A set that is larger than the memory there is can be divided, measured and fed."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np
import torch
from convsweep.data.sources.arrays import Arrays

torch.set_num_threads(1)
data = Arrays(path=sys.argv[1], batch_size=64, last_batch="keep")
free = int(sys.argv[2])
with open("/proc/self/status") as file:
    held = next(int(line.split()[1]) for line in file if line.startswith("VmData")) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (held + free, held + free))
data.setup("fit")
seen = sum(int(y.sum()) for _, y in data.train_dataloader())
print(data.mean.round(), len(data.train), seen)
try:
    np.zeros(free, np.uint8)
except MemoryError:
    print("full")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit on memory is the kernel's of Linux")
def test_a_set_of_four_times_the_memory_is_divided_measured_and_fed(tmp_path: Path) -> None:
    count, free = 56_000, 160 * 2**20
    # a file of holes takes no room
    x = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.uint8, (count, 3, 64, 64))
    x[::100] = 100  # one page in a hundred
    x.flush()
    assert x.nbytes > 4 * free
    np.save(tmp_path / "y.npy", np.arange(count) % 2)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, tmp_path, str(free)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    fed, full = done.stdout.splitlines()
    assert fed == "[1. 1. 1.] 39200 19600"
    assert full == "full"
