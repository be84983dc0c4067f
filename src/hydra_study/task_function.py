"""How another interpreter comes by the task function: by importing the program that it stands in,
else by a copy.
"""

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

# Set while a template imports the program, which must not start a sweep then.
_MARK = "HYDRA_STUDY_TEMPLATE"
UNGUARDED = (
    'must call its main function below `if __name__ == "__main__":`, since workers import it too'
)


@dataclass(frozen=True)
class Origin:
    """Where a task function can be found.

    Attributes:
        module: Its module, which may be `__main__`.
        name: Its name there.
        is_decorated: Whether that name stands for what `hydra.main` has made of it.
        script: The program's file.
        program: The program's name, if it was started by `python -m`.
    """

    module: str
    name: str
    is_decorated: bool
    script: str
    program: str | None

    def import_module(self) -> None:
        """Import the module; the program is run as `__mp_main__`, as `multiprocessing` does it."""
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
        """Return the function; None where the module does not have it."""
        function: TaskFunction | None = _function(self.module, self.name, self.is_decorated)
        return function


def find_origin(function: TaskFunction, script: str, program: str | None) -> Origin | None:
    """Return where a function can be found again; None for one that is not a name of a module."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    for is_decorated in (False, True):
        if module and name and _function(module, name, is_decorated) is function:
            return Origin(module, name, is_decorated, script, program)
    return None


def _function(module: str, name: str, is_decorated: bool) -> Any:
    found = getattr(sys.modules.get(module), name, None)
    return getattr(found, "__wrapped__", None) if is_decorated else found


def pickle_by_value(what: Any) -> bytes:
    """Return an object as bytes, also with what only the program knows, such as its classes and
    functions.
    """
    return bytes(cloudpickle.dumps(what))


def copied_function(function: TaskFunction) -> bytes | None:
    """Return a task function as bytes; None where that cannot be."""
    try:
        return pickle_by_value(function)
    except Exception:  # pickle raises many kinds, and those of the object's own
        return None


def load_function(origin: Origin | None, copy: bytes | None) -> TaskFunction:
    """Return the task function.

    Raises:
        StudyError: It is not where it came from, and there is no copy.
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
    """Refuse a sweep that an unguarded program begins while a template imports it.

    Raises:
        StudyError: This process is such a template.
    """
    if _MARK in os.environ:
        raise StudyError(f"{arguments[0]} {UNGUARDED}")
