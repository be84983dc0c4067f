"""Prints the page of all patches: `python -m convsweep.patches > docs/patches.md`."""

from convsweep.patches.patch import VARIABLE, Patch, all_patches

TEXT = f"""# Patches: where the package reaches into others

Written by `python -m convsweep.patches > docs/patches.md`; not by hand.

What other packages do not offer in public stands in one folder, `src/convsweep/patches/`, a file a library. A patch mends a bug
or a hang that has no public way around, or saves at least a second of every start or 2 % of a trial of a minute. It is applied
where the installed versions are among those that it was tested with and what it replaces is there as expected. Else the run takes
the public path, and a line in its log file says so. `result.json` lists the patches of a run under `patches`.

`{VARIABLE}=none` turns all of them off; a list of names (commas between them) turns off all others.
"""  # noqa: E501


def page(patches: tuple[Patch, ...]) -> str:
    """Return the page in Markdown."""
    return "\n".join([TEXT, *(section(patch) for patch in patches)])


def section(patch: Patch) -> str:
    """Return what the page says of one patch."""
    versions = ", ".join(f"{package} {specifier}" for package, specifier in patch.tested.items())
    return f"""## {patch.name}

{patch.what}.

- Why ({patch.why}): {patch.reason}.
- Tested with: {versions}.
- Without it: {patch.without}.
"""


if __name__ == "__main__":
    print(page(all_patches()), end="")
