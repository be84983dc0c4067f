"""Deferred imports: runs the `__init__` of a package only when something in it is used.

There are no stand-ins: a few names are resolved by the submodules that define them, and any other
use runs the package's own `__init__` in the existing module.
"""

import importlib
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any


@dataclass(frozen=True)
class LatePackage:
    """The parts of a package that are available before its `__init__` has run.

    Args:
        name: its dotted name.
        names: origin of each early name: the submodule, or the call that the `__init__` makes.
        inside: submodules and subpackages that may be imported early.
        first: the one of these to import first, at once, since they import each other.
    """

    name: str
    names: Mapping[str, Any]
    inside: frozenset[str]
    first: str | None = None


class LateModule(ModuleType):
    """A package whose `__init__` has not run."""

    def __getattr__(self, name: str) -> Any:
        loader = late_loader(self)
        if loader is not None and name in loader.package.names:
            source = loader.package.names[name]
            value = (
                source()
                if callable(source)
                else getattr(importlib.import_module(f"{self.__name__}.{source}"), name)
            )
            return vars(self).setdefault(name, value)
        if loader is not None:
            loader.run(self)
        return ModuleType.__getattribute__(self, name)  # its class may have changed by now

    def __dir__(self) -> list[str]:
        loader = late_loader(self)
        if loader is not None:
            loader.run(self)
        return sorted(vars(self))

    def __reduce__(self) -> tuple[Any, ...]:
        # cloudpickle knows modules by their exact type
        return importlib.import_module, (self.__name__,)


class LateFinder(MetaPathFinder):
    """Finds late packages and those of their submodules that require the package's `__init__`."""

    def __init__(self, packages: Sequence[LatePackage]) -> None:
        self.packages = {package.name: package for package in packages}

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        parent, _, child = name.rpartition(".")
        late = late_loader(sys.modules.get(parent)) if parent in self.packages else None
        too_early = late is not None and child not in late.package.inside
        if target is not None or not (too_early or name in self.packages):
            return None
        spec = PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            after = AfterPackage(parent, spec.loader) if too_early else None
            spec.loader = after or LateLoader(self.packages[name], spec.loader)
        return spec


class LateLoader(Loader):
    """Creates the module of a late package, and runs its `__init__` once, on demand."""

    def __init__(self, package: LatePackage, loader: Loader) -> None:
        self.package, self.loader = package, loader
        self.lock, self.runs = threading.RLock(), False

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__class__ = LateModule
        if self.package.first is not None:
            importlib.import_module(f"{self.package.name}.{self.package.first}")

    def run(self, module: ModuleType, wait: bool = True) -> None:
        """Run the `__init__` unless it has run.

        Args:
            module: of the package.
            wait: for another thread that is running it; a thread that imports a submodule must not
                wait, since the other thread waits for that import.
        """
        if not self.lock.acquire(blocking=wait):
            return
        try:
            if not self.runs and late_loader(module) is not None:
                self.runs = True
                self.loader.exec_module(module)
                assert module.__spec__ is not None
                module.__spec__.loader = module.__loader__ = self.loader
                module.__class__ = ModuleType
                self.runs = False
        except BaseException:
            self.runs = False  # the next use runs it again, as after a failed import
            raise
        finally:
            self.lock.release()


class AfterPackage(Loader):
    """Runs the `__init__` of a module's package first, as Python does; it may import the module
    itself.
    """

    def __init__(self, package: str, loader: Loader) -> None:
        self.package, self.loader = package, loader
        self.own: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        package = sys.modules[self.package]
        late = late_loader(package)
        if late is not None:
            late.run(package, wait=False)
        found = sys.modules.get(spec.name)
        if found is None:
            spec.loader = self.loader
            return self.loader.create_module(spec)
        self.own = found.__spec__
        return found

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.own  # it has run


def defer(*packages: LatePackage) -> None:
    """Defer the next import of these packages; no effect on packages that are already imported."""
    sys.meta_path.insert(
        0, LateFinder([package for package in packages if package.name not in sys.modules])
    )


def late_loader(module: ModuleType | None) -> LateLoader | None:
    """Return the loader of a package whose `__init__` has not finished; None for any other
    module.
    """
    loader = (
        module.__spec__.loader
        if isinstance(module, LateModule) and module.__spec__ is not None
        else None
    )
    return loader if isinstance(loader, LateLoader) else None


def is_late(name: str) -> bool:
    """Return whether a package is imported and its `__init__` has not finished."""
    return late_loader(sys.modules.get(name)) is not None
