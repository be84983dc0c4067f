"""The command in this process."""

from convsweep.inference.export.__main__ import export
from tests.checkpoints import command_fixture

run = command_fixture(export)
