"""Records of patches: checked before they are applied, listed by name afterwards."""

import functools
import importlib
import inspect
import logging
import os
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from convsweep.errors import UserError, did_you_mean

# `none` turns all patches off, a list of names (commas between them) all others; unset or `all`
# leaves them on.
VARIABLE = "CONVSWEEP_PATCHES"

log = logging.getLogger("convsweep")


@dataclass(frozen=True)
class Patch:
    """One use of a private part of another package.

    Args:
        name: in `CONVSWEEP_PATCHES` and `result.json`.
        what: what it does.
        why: `bug` if it works around a bug without a public workaround, `speed` if it saves time.
        reason: the bug, or the time saved and its measurement.
        tested: the versions it was tested with, a specifier (`>=2.15,<2.16`) for each package.
        check: returns whether what it needs is as expected; may raise the error of a missing module
            or name.
        apply: applies the patch, or returns a result to its only user.
        without: what happens if it is not applied.
    """

    name: str
    what: str
    why: Literal["bug", "speed"]
    reason: str
    tested: Mapping[str, str]
    check: Callable[[], bool]
    apply: Callable[..., Any]
    without: str


_usable: dict[str, bool] = {}
_applied: list[str] = []


def apply_patches(patches: Sequence[Patch]) -> None:
    """Apply the patches that are usable and have not been applied in this process."""
    for patch in patches:
        if patch.name not in _applied:
            use(patch)


def use(patch: Patch, *args: Any, **kwargs: Any) -> Any:
    """Call a patch that is used at one place instead of once a process; None if it is not
    usable.
    """
    if not is_usable(patch):
        return None
    if patch.name not in _applied:
        _applied.append(patch.name)
    return patch.apply(*args, **kwargs)


def applied_patches() -> list[str]:
    """Return the names of the patches applied in this process or in the one that it was forked
    from.
    """
    return sorted(_applied)


def is_usable(patch: Patch) -> bool:
    """Return whether a patch may be applied; the reason against it is logged once."""
    if patch.name not in _usable:
        obstacle = obstacle_of(patch)
        _usable[patch.name] = obstacle is None
        if obstacle is not None:
            log.info(
                "patch %s is not applied: %s; instead: %s", patch.name, obstacle, patch.without
            )
    return _usable[patch.name]


def obstacle_of(patch: Patch) -> str | None:
    """Return the reason why a patch may not be applied, or None."""
    if not is_chosen(patch.name):
        return f"{VARIABLE}={os.environ[VARIABLE]}"
    for package, specifier in patch.tested.items():
        found = version(package)
        if found is None or not fits(found, specifier):
            return f"{package} is {found or 'not installed'}, tested with {specifier}"
    try:
        expected = patch.check()
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        return f"what it replaces is not there ({error})"
    return None if expected else "what it replaces is not as expected"


def is_chosen(name: str) -> bool:
    """Return whether a patch is enabled by `CONVSWEEP_PATCHES`.

    Raises:
        UserError: the variable names an unknown patch.
    """
    words = [word.strip() for word in os.environ.get(VARIABLE, "all").split(",") if word.strip()]
    if words in ([], ["all"], ["none"]):
        return words != ["none"]
    known = [patch.name for patch in all_patches()]
    for word in words:
        if word not in known:
            rule = f"{VARIABLE} must be all, none or names of patches with commas between them"
            raise UserError(f"{rule}, but has {word!r}; {did_you_mean(word, known)}")
    return name in words


def version(package: str) -> str | None:
    """Return the installed version of a package, or None."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def fits(found: str, specifier: str) -> bool:
    """Return whether a specifier allows a version, pre-releases included."""
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(specifier).contains(found, prereleases=True)


def resolve(path: str) -> Any:
    """Return the object at `package.module:Class.name`.

    Raises:
        ImportError, AttributeError: it does not exist.
    """
    module, _, names = path.partition(":")
    return functools.reduce(getattr, names.split("."), importlib.import_module(module))


def takes(path: str, *parameters: str) -> bool:
    """Return whether the function at `package.module:Class.name` has exactly these parameters."""
    return tuple(inspect.signature(resolve(path)).parameters) == parameters


def all_patches() -> tuple[Patch, ...]:
    """Return the patches of all modules of this package, in order of the modules."""
    package = __name__.rpartition(".")[0]
    found = [module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)])]
    libraries = [
        importlib.import_module(f"{package}.{name}")
        for name in found
        if name not in ("patch", "late_packages", "__main__")
    ]
    return tuple(entry for library in libraries for entry in library.PATCHES)
