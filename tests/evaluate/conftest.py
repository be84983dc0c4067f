"""The command in this process."""

from convsweep.inference.evaluate.__main__ import evaluate
from tests.checkpoints import command_fixture

run = command_fixture(evaluate)
