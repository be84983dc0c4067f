"""The command in this process."""

from convsweep.inference.evaluate.command import evaluate
from tests.checkpoints import command_fixture

run = command_fixture(evaluate)
