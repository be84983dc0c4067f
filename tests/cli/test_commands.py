"""The frame of a command: a bar in a terminal, lines elsewhere, one message for a mistake."""

import errno
import os
import pty
import re
import subprocess
import sys

import pytest

from convsweep.cli import commands
from convsweep.errors import UserError
from hydra_study.errors import StudyError

WORK = """
from convsweep.cli import commands
with commands.progress("work", 4) as advance:
    for _ in range(4):
        advance(1)
print("done")
"""


def in_a_terminal(code: str) -> str:
    """Return what a program writes to a terminal, without the terminal's own marks."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm"},
    ) as program:
        os.close(theirs)
        written = b""
        while True:
            try:
                written += os.read(ours, 1 << 12)
            except OSError:  # how Linux says that nobody writes to it any more
                break
    os.close(ours)
    assert program.returncode == 0, written
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.decode())


def test_a_bar_in_a_terminal() -> None:
    frames = in_a_terminal(WORK).replace("\n", "\r").split("\r")
    assert any(re.match(r"work\s+━+\s+4/4 ", frame) for frame in frames)
    assert next(frame for frame in reversed(frames) if frame.strip()) == "done"


def test_lines_elsewhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(commands, "LINE_EVERY_S", 0.0)
    advance = commands.lines("work", 2000)
    advance(1500)
    monkeypatch.setattr(commands, "LINE_EVERY_S", 60.0)
    advance(500)
    assert capsys.readouterr().out == "work: 1,500 of 2,000\n"


def failing(error: BaseException) -> int:
    raise error


def test_how_a_command_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    codes = {}
    mistakes = {"mistake": UserError("say so"), "of a sweep": StudyError("none there")}
    for name, error in {**mistakes, "interrupt": KeyboardInterrupt()}.items():
        with pytest.raises(SystemExit) as end:
            commands.run(lambda error=error: failing(error))  # type: ignore[misc]
        codes[name] = end.value.code
    assert codes == {"mistake": 1, "of a sweep": 1, "interrupt": 130}
    said = capsys.readouterr().err
    assert said.startswith("Error: say so\n")
    assert "Error: none there\n" in said
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    for error in mistakes.values():
        with pytest.raises(type(error)):
            commands.run(lambda error=error: failing(error))  # type: ignore[misc]


@pytest.mark.parametrize(
    ("number", "is_told"), [(errno.EROFS, True), (errno.ENOSPC, True), (errno.EIO, False)]
)
def test_a_place_that_cannot_be_written_to_is_a_message(
    capsys: pytest.CaptureFixture[str], number: int, is_told: bool
) -> None:
    def command() -> int:
        raise OSError(number, os.strerror(number), "multirun/a/study.journal")

    with pytest.raises(SystemExit if is_told else OSError):
        commands.run(command)
    assert (
        "Error: multirun/a/study.journal must be open to this command" in capsys.readouterr().err
    ) == is_told
