"""Ports for servers of tests. Those that the kernel hands out may go to another process before the
server listens, or while a test has stopped it; these are below the kernel's range.
"""

import socket
from contextlib import suppress
from random import SystemRandom

# Linux hands out ports from 32768 on.
PORTS = range(20_000, 32_768)


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on."""
    found: list[int] = []
    # not by the module `random`: tests set its seed, and would find the same ports at a time
    for port in SystemRandom().sample(PORTS, len(PORTS)):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise OSError(f"no {count} free ports in {PORTS}")
