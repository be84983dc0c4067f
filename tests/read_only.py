"""Runs a program that sees a folder on a read-only file system; root may write wherever mere
permissions forbid it.
"""

import subprocess
import sys
from pathlib import Path

import pytest

MOUNT = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" || exit 77; exec "$@"'


def run_read_only(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python with arguments where the folder is read-only; the mount is that process's alone
    and ends with it.
    """
    alone = ["unshare", "--map-root-user", "--mount", "sh", "-c", MOUNT, str(folder)]
    try:
        done = subprocess.run(
            [*alone, sys.executable, *arguments], capture_output=True, text=True, timeout=300
        )
    except FileNotFoundError as error:
        pytest.skip(f"a read-only mount needs unshare of util-linux: {error}")
    if done.returncode == 77 or done.stderr.startswith("unshare:"):
        pytest.skip(f"a read-only mount is not permitted here: {done.stderr.strip()}")
    return done
