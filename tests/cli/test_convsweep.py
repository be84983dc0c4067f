"""`convsweep COMMAND`: starts at once, offers commands as they were typed, and answers a mistake by
the nearest name.
"""

import contextlib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from convsweep.__main__ import COMMANDS, check_command, main
from convsweep.cli.shell_command import STARTED_BY_UV_RUN, program_command, shell_command
from convsweep.errors import UserError
from tests.conftest import ROOT

HEAVY = {"torch", "hydra", "omegaconf", "lightning", "numpy", "rich", "argcomplete"}


def answer(*arguments: str, code: int = 0, **variables: str) -> str:
    """Return what the program prints, to whichever stream."""
    command = [sys.executable, "-m", "convsweep", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **variables})
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def test_help_imports_no_library() -> None:
    code = (
        "import runpy, sys; runpy.run_module('convsweep', run_name='__main__');"
        f" print(sorted({HEAVY} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    for name in COMMANDS:
        assert f"\n  {name} " in done.stdout


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("predcit", "did you mean 'predict'?"),
        ("model/net=resnet18", "did you mean: convsweep train model/net=resnet18"),
    ],
)
def test_a_mistake_is_answered_by_what_was_meant(typed: str, offered: str) -> None:
    with pytest.raises(UserError) as told:
        check_command(typed)
    assert offered in str(told.value)


def test_a_mistake_ends_with_one_line() -> None:
    assert (
        answer("predcit", code=2)
        == "Error: there is no command 'predcit'; did you mean 'predict'?\n"
    )


def test_the_version_is_the_distributions() -> None:
    assert answer("--version").startswith("convsweep 0.")


def test_commands_are_offered_as_they_can_be_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(STARTED_BY_UV_RUN, raising=False)
    assert shell_command("train", "data.root=my photos") == "convsweep train 'data.root=my photos'"
    assert program_command("convsweep train", "seed=1") == "convsweep train seed=1"
    assert program_command("app", "seed=1") == "python app.py seed=1"
    monkeypatch.setenv(STARTED_BY_UV_RUN, "1")
    assert shell_command("report", "outputs") == "uv run convsweep report outputs"
    assert program_command("app", "seed=1") == "uv run app.py seed=1"


def test_the_help_of_a_command_shows_calls_that_can_be_typed() -> None:
    told = answer("predict", "--help", **{STARTED_BY_UV_RUN: "1"})
    assert told.startswith("usage: uv run convsweep predict ")
    assert "\n  uv run convsweep predict outputs/" in told


def examples_of_docs() -> dict[str, list[str]]:
    """Return the calls that docs/commands.md shows, by command."""
    sections = re.split(r"^## ", (ROOT / "docs" / "commands.md").read_text(), flags=re.M)[1:-1]
    calls = {
        section.split("\n")[0]: re.findall(r"^    (convsweep .*?) *(?:#.*)?$", section, re.M)
        for section in sections
    }
    purposes = {section.split("\n")[0]: section.split("\n")[2] for section in sections}
    assert list(calls) == list(COMMANDS)
    for name, (_, purpose) in COMMANDS.items():
        assert purposes[name].casefold().startswith(purpose.casefold())
    return calls


@pytest.mark.parametrize(("name", "calls"), examples_of_docs().items())
def test_the_examples_of_the_docs_are_those_of_the_help(
    name: str, calls: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["convsweep", name, "--help"])
    # runpy warns of one that another test has imported
    monkeypatch.delitem(sys.modules, COMMANDS[name][0], raising=False)
    with contextlib.suppress(SystemExit):
        main()
    shown = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert len(calls) >= 2
    for call in calls:
        assert any(line == call or line.startswith(f"{call} #") for line in shown), call


COMPLETE = """
eval "$(register-python-argcomplete convsweep)"
convsweep() { "$PYTHON" -m convsweep "$@"; }
offer() {
  COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9 COMP_WORDS=($1)
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
  _python_argcomplete convsweep
  echo ${COMPREPLY[@]}
}
"""


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("convsweep pre", "predict"),
        ("convsweep predict --ti", "--tile"),
        ("convsweep report --com", "--compare"),
        ("convsweep train data=mn", "mnist mnist1d"),
        ("convsweep draw --figures field model/net=lene", "lenet5"),
    ],
)
def test_bash_completes(line: str, offered: str) -> None:
    pytest.importorskip("argcomplete")
    variables = {
        **os.environ,
        "PYTHON": sys.executable,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    script = COMPLETE + f"offer {shlex.quote(line)}"
    done = subprocess.run(
        ["bash", "-c", script], env=variables, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == offered.split(), done.stderr
