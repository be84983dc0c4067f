"""The one room that reaches into what is not public in other packages: a file a library, a record
an entry.

Each entry says what it does, why, with which versions it was tested, and what happens without it.
It is applied where the versions fit and what it replaces is there as expected; elsewhere the public
path is taken, and a line in the log says so.
"""

from convsweep.patches.patch import Patch, applied_patches, apply_patches, is_usable, use

__all__ = ["Patch", "applied_patches", "apply_patches", "is_usable", "use"]
