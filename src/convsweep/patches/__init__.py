"""All uses of private parts of other packages: one file a library, one record a patch.

A record states what the patch does, why, the tested versions, and what happens without it. A patch
is applied if the versions match and what it replaces is as expected; otherwise the public API is
used, and the log says so.
"""

from convsweep.patches.patch import Patch, applied_patches, apply_patches, is_usable, use

__all__ = ["Patch", "applied_patches", "apply_patches", "is_usable", "use"]
