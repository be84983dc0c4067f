"""A patch as a record: checked before it is applied, and known by name afterwards."""

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
    """One use of what is not public in another package.

    Args:
        name: what `CONVSWEEP_PATCHES` and `result.json` call it.
        what: what it does.
        why: `bug` where it mends what has no public way around, `speed` where it saves time.
        reason: the bug, or what the time is and how it was measured.
        tested: the versions it was tested with, a specifier (`>=2.15,<2.16`) for each package.
        check: whether what it needs is there as expected; may raise what a missing module or name
            raises.
        apply: applies it, or returns what is asked for where it is used at one place.
        without: what happens where it is not applied.
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
    """Apply those that are usable here and have not been applied in this process."""
    for patch in patches:
        if patch.name not in _applied:
            use(patch)


def use(patch: Patch, *args: Any, **kwargs: Any) -> Any:
    """Call a patch that is applied at one place, not once a process; None where it is not
    usable.
    """
    if not is_usable(patch):
        return None
    if patch.name not in _applied:
        _applied.append(patch.name)
    return patch.apply(*args, **kwargs)


def applied_patches() -> list[str]:
    """Return the names of the patches that were applied in this process, or in the one that it was
    forked from.
    """
    return sorted(_applied)


def is_usable(patch: Patch) -> bool:
    """Return whether a patch may be applied here; the first answer of no is logged with its
    reason.
    """
    if patch.name not in _usable:
        obstacle = obstacle_of(patch)
        _usable[patch.name] = obstacle is None
        if obstacle is not None:
            log.info(
                "patch %s is not applied: %s; instead: %s", patch.name, obstacle, patch.without
            )
    return _usable[patch.name]


def obstacle_of(patch: Patch) -> str | None:
    """Return why a patch may not be applied here, or None."""
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
    """Return whether `CONVSWEEP_PATCHES` leaves a patch on.

    Raises:
        UserError: it names a patch that does not exist.
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
    """Return whether a version, pre-releases too, is one of those that a specifier allows."""
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(specifier).contains(found, prereleases=True)


def resolve(path: str) -> Any:
    """Return what `package.module:Class.name` names.

    Raises:
        ImportError, AttributeError: it is not there.
    """
    module, _, names = path.partition(":")
    return functools.reduce(getattr, names.split("."), importlib.import_module(module))


def takes(path: str, *parameters: str) -> bool:
    """Return whether a function that `package.module:Class.name` names takes exactly these
    parameters.
    """
    return tuple(inspect.signature(resolve(path)).parameters) == parameters


def all_patches() -> tuple[Patch, ...]:
    """Return the entries of all files of this room, in the order of the files."""
    package = __name__.rpartition(".")[0]
    found = [module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)])]
    libraries = [
        importlib.import_module(f"{package}.{name}")
        for name in found
        if name not in ("patch", "late_packages", "__main__")
    ]
    return tuple(entry for library in libraries for entry in library.PATCHES)
