"""A deferred module is loaded once, whole, and by anything that its stand-ins do not answer."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from convsweep.startup.deferred_imports import ClassStandIn, defer, is_loaded

PACKAGE = """
from late.inside import Thing
import late as other
ran.append(__name__)
def answer(): return "real"
"""


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A package `late` with a module `inside`, deferred; the names of its modules in the order they ran."""
    ran: list[str] = []
    monkeypatch.setattr("builtins.ran", ran, raising=False)
    (tmp_path / "late").mkdir()
    (tmp_path / "late" / "__init__.py").write_text(PACKAGE)
    (tmp_path / "late" / "inside.py").write_text("ran.append(__name__)\nclass Thing: size = 3\n")
    monkeypatch.syspath_prepend(tmp_path)
    finders = list(sys.meta_path)
    defer("late", {"answer": lambda: "stand-in", "Thing": ClassStandIn("late", "Thing")})
    yield ran
    sys.meta_path[:] = finders
    for name in ("late", "late.inside"):
        sys.modules.pop(name, None)


def test_stand_ins_answer_without_it(ran: list[str]) -> None:
    import late
    from late import Thing

    assert late.answer() == "stand-in"
    assert not isinstance(3, Thing)
    assert not issubclass(int, Thing)
    assert not hasattr(late, "__wrapped__")
    assert not ran
    assert not is_loaded("late")


def test_anything_else_loads_it_into_the_same_module(ran: list[str]) -> None:
    import late

    assert late.inside.Thing is late.Thing
    assert late.answer() == "real"
    assert ran == ["late.inside", "late"]
    assert type(late) is ModuleType
    assert is_loaded("late")


def test_a_module_inside_is_run_once(ran: list[str]) -> None:
    import late
    import late.inside

    assert sys.modules["late.inside"].Thing is late.Thing
    assert ran == ["late.inside", "late"]
    assert type(late.inside.__spec__.loader).__name__ == "SourceFileLoader"


def test_a_class_that_was_taken_early_is_the_real_one_in_every_use(ran: list[str]) -> None:
    from late import Thing

    class Mine(Thing):
        """A subclass of what is not there yet."""

    import late

    assert Mine.__mro__[1] is late.Thing
    assert Thing.size == 3
    assert isinstance(Thing(), late.Thing)
    assert isinstance(late.Thing(), Thing)
    assert isinstance(Mine(), Thing)


def test_a_module_is_loaded_behind_its_package_which_works_with_the_real_one(ran: list[str]) -> None:
    defer("late.inside", {"Thing": ClassStandIn("late.inside", "Thing")})
    from late.inside import Thing

    assert not ran
    assert Thing.size == 3
    assert ran == ["late.inside", "late"]
    import late

    assert isinstance(late.Thing, type)
    assert late.Thing is sys.modules["late.inside"].Thing


def test_a_package_that_is_loaded_defers_nothing_in_it_any_more(ran: list[str]) -> None:
    defer("late.inside", {"Thing": "stand-in"})
    import late

    assert late.answer() == "stand-in"
    assert late.other is late
    assert isinstance(late.Thing, type)
    assert ran == ["late.inside", "late"]


def test_what_is_loaded_stays(ran: list[str]) -> None:
    import late

    assert late.inside
    defer("late", {"answer": lambda: "stand-in"})
    import late

    assert late.answer() == "real"
