"""The command in this process."""

from convsweep.inference.export.command import export
from tests.checkpoints import command_fixture

run = command_fixture(export)
