"""Puts off the import of a module, while stand-ins for a few of its names answer what can be answered without it.

Where an engine asks a large module one small question at every start, the module costs more than the answer. A deferred module
answers the questions that are known; any other use of it loads it. So what is not foreseen here is slower, never wrong.
"""

import importlib
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any


def defer(name: str, stand_ins: Mapping[str, Any]) -> None:
    """Let the next import of a module bring its stand-ins; nothing happens if it is loaded or deferred already.

    Args:
        name: dotted name of the module or package.
        stand_ins: what stands for its names until it is loaded.
    """
    if name not in sys.modules and not any(isinstance(finder, Finder) and finder.name == name for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder(name, stand_ins))


def is_loaded(name: str) -> bool:
    """Return whether the module itself, not its stand-in, is there."""
    return name in sys.modules and not isinstance(sys.modules[name], Deferred)


def real(name: str, attribute: str) -> Any:
    """Return an attribute of a module, which is loaded if need be."""
    module = sys.modules[name]
    if isinstance(module, Deferred):
        load(module)
    return getattr(module, attribute)


class Finder(MetaPathFinder):
    """Finds the deferred module in place of the module, and loads a package before any module inside it."""

    def __init__(self, name: str, stand_ins: Mapping[str, Any]) -> None:
        self.name, self.stand_ins = name, stand_ins

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name == self.name:
            spec = PathFinder.find_spec(name, path)
            if spec is not None and spec.loader is not None:
                spec.loader = Postponed(spec.loader, self.stand_ins)
            return spec
        package = sys.modules.get(self.name)
        if name.startswith(f"{self.name}.") and isinstance(package, Deferred):
            load(package)
            if name in sys.modules:
                module = sys.modules[name]
                module.__spec__ = ModuleSpec(name, AlreadyLoaded(module))  # importlib goes by the module's own
                return module.__spec__
        return None


class Postponed(Loader):
    """Makes the deferred module; `loader` runs the module in it when the time has come."""

    def __init__(self, loader: Loader, stand_ins: Mapping[str, Any]) -> None:
        self.loader, self.stand_ins = loader, stand_ins

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        vars(module).update(self.stand_ins)
        module.__class__ = Deferred


class AlreadyLoaded(Loader):
    """Hands out a module that came into being while it was looked for."""

    def __init__(self, module: ModuleType) -> None:
        self.module, self.spec = module, module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.spec


class Deferred(ModuleType):
    """A module before it is loaded; a name that it has no stand-in for loads it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__all__":
            raise AttributeError(name)  # asked by what looks over all modules
        load(self)
        return getattr(self, name)


def load(module: Deferred) -> None:
    """Turn a deferred module into the module, behind the packages it is in, as Python itself does."""
    package = sys.modules.get(module.__name__.rpartition(".")[0])
    if isinstance(package, Deferred):
        load(package)
    if not isinstance(module, Deferred):
        return  # its package has loaded it
    inside = f"{module.__name__}."
    sys.meta_path[:] = [finder for finder in sys.meta_path if not (isinstance(finder, Finder) and finder.name.startswith(inside))]
    for name, inner in list(sys.modules.items()):
        if name.startswith(inside) and isinstance(inner, Deferred):
            take_stand_ins_from(inner)  # a package works with what is in it
    loader = take_stand_ins_from(module)
    spec = module.__spec__
    assert spec is not None
    spec.loader = module.__loader__ = loader
    module.__class__ = ModuleType  # type: ignore[assignment]
    loader.exec_module(module)


def take_stand_ins_from(module: Deferred) -> Loader:
    """Let any use of a deferred module load it; return what runs it."""
    assert module.__spec__ is not None
    postponed = module.__spec__.loader
    assert isinstance(postponed, Postponed)
    for name, stand_in in postponed.stand_ins.items():
        if vars(module).get(name) is stand_in:  # else a module inside it has been imported since
            del vars(module)[name]
    return postponed.loader


class ClassStandIn:
    """Stands for a class of a deferred module: nothing is an instance before the module is loaded; any other use loads it."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name

    def __instancecheck__(self, instance: object) -> bool:
        return is_loaded(self.module) and isinstance(instance, self.real)

    def __subclasscheck__(self, subclass: type) -> bool:
        return is_loaded(self.module) and issubclass(subclass, self.real)

    @property
    def real(self) -> Any:
        """The class itself."""
        return real(self.module, self.name)

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self.real,)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.real(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.real, name)


class ModuleStandIn:
    """Stands for a module inside a deferred package, as its attribute: it answers some calls; any other use loads it.

    Args:
        module: its dotted name.
        answers: what stands for its names until it is loaded.
    """

    def __init__(self, module: str, answers: Mapping[str, Any]) -> None:
        self._module = module
        vars(self).update(answers)

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self._module), name)
