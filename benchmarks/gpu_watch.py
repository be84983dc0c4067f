"""Utilisation and memory of an NVIDIA GPU while commands run, and its multi-process service."""

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


def query_gpu(figures: str) -> list[str]:
    """Return figures of the first visible GPU from nvidia-smi; an empty list without a GPU."""
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").partition(",")[0]
    query = [
        "nvidia-smi",
        f"--id={first}",
        f"--query-gpu={figures}",
        "--format=csv,noheader,nounits",
    ]
    with suppress(OSError, subprocess.SubprocessError):
        lines = subprocess.run(
            query, capture_output=True, text=True, timeout=20
        ).stdout.splitlines()
        return [value.strip() for value in lines[0].split(",")] if lines else []
    return []


@contextmanager
def watch_gpu() -> Iterator[dict[str, list[float]]]:
    """Collect utilisation in percent and memory in MiB, twice a second."""
    seen: dict[str, list[float]] = {"use": [], "memory": []}
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.5):
            with suppress(ValueError):
                use, memory = map(float, query_gpu("utilization.gpu,memory.used"))
                seen["use"].append(use)
                seen["memory"].append(memory)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


@contextmanager
def multi_process_service() -> Iterator[dict[str, str] | None]:
    """Run NVIDIA's MPS daemon and yield the environment variables of its clients; None if it is not
    installed or does not start.
    """
    control = shutil.which("nvidia-cuda-mps-control")
    if control is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        found = {
            "CUDA_MPS_PIPE_DIRECTORY": f"{folder}/pipe",
            "CUDA_MPS_LOG_DIRECTORY": f"{folder}/log",
        }
        for path in found.values():
            os.mkdir(path)
        options = {"env": os.environ | found, "capture_output": True, "text": True, "timeout": 30}
        try:
            begun = subprocess.run([control, "-d"], **options).returncode == 0  # type: ignore[call-overload]
        except (OSError, subprocess.SubprocessError):
            begun = False
        try:
            yield found if begun else None
        finally:
            with suppress(OSError, subprocess.SubprocessError):
                subprocess.run([control], input="quit\n", **options)  # type: ignore[call-overload]
