"""Pass the task function to another interpreter: by importing its module, else pickled."""

import importlib
import os
import pickle
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import spawn
from typing import Any

import cloudpickle
from hydra.types import TaskFunction

from hydra_study.errors import StudyError

# Set while a fork server imports the program, which must not start a sweep then.
_MARK = "HYDRA_STUDY_FORK_SERVER"
UNGUARDED = (
    'must call its main function below `if __name__ == "__main__":`, since workers import it too'
)


@dataclass(frozen=True)
class Origin:
    """Where to import a task function from.

    Attributes:
        module: Its module, which may be `__main__`.
        name: Its name in the module.
        is_decorated: Whether the module holds it as decorated by `hydra.main`.
        script: The program's file.
        program: The program's module, if it was started by `python -m`.
    """

    module: str
    name: str
    is_decorated: bool
    script: str
    program: str | None

    def import_module(self) -> None:
        """Import the module; a program runs as `__mp_main__`, as with `multiprocessing`."""
        os.environ[_MARK] = "1"
        try:
            if self.module != "__main__":
                importlib.import_module(self.module)
            elif self.program is not None:
                spawn.prepare({"init_main_from_name": self.program})
            elif os.path.isfile(self.script):
                spawn.import_main_path(self.script)
        finally:
            del os.environ[_MARK]

    def function(self) -> TaskFunction | None:
        """Return the function, or None if the module does not have it."""
        function: TaskFunction | None = _function(self.module, self.name, self.is_decorated)
        return function


def find_origin(function: TaskFunction, script: str, program: str | None) -> Origin | None:
    """Return the origin of a function, or None if it is not importable by name."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    for is_decorated in (False, True):
        if module and name and _function(module, name, is_decorated) is function:
            return Origin(module, name, is_decorated, script, program)
    return None


def _function(module: str, name: str, is_decorated: bool) -> Any:
    found = getattr(sys.modules.get(module), name, None)
    return getattr(found, "__wrapped__", None) if is_decorated else found


def pickle_by_value(what: Any) -> bytes:
    """Pickle an object together with the classes and functions of `__main__` that it uses."""
    return bytes(cloudpickle.dumps(what))


def pickle_function(function: TaskFunction) -> bytes | None:
    """Return a pickled task function, or None if it cannot be pickled."""
    try:
        return pickle_by_value(function)
    except Exception:  # pickle raises many kinds, and passes on those of `__reduce__`
        return None


def load_function(origin: Origin | None, copy: bytes | None) -> TaskFunction:
    """Return the task function from its origin, else from its pickled copy.

    Raises:
        StudyError: The origin does not have it, and there is no copy.
    """
    function = None if origin is None else origin.function()
    if function is not None:
        return function
    if copy is None:
        rule = (
            "the task function must be a function of a module that can be imported, or one that can"
            " be pickled"
        )
        raise StudyError(
            f"{rule}, but got"
            f" {'one of no module' if origin is None else f'{origin.module}.{origin.name}'}"
        )
    loaded: TaskFunction = pickle.loads(copy)
    return loaded


def refuse_unguarded(arguments: Sequence[str]) -> None:
    """Refuse a sweep that an unguarded program starts while a fork server imports it.

    Raises:
        StudyError: This process is such a fork server.
    """
    if _MARK in os.environ:
        raise StudyError(f"{arguments[0]} {UNGUARDED}")
