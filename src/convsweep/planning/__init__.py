"""A plan from the data: what to train and what to search, each decision with its reason."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convsweep.planning.plan import fingerprint as fingerprint
    from convsweep.planning.plan import write_plan as write_plan
    from convsweep.planning.planned import Plan as Plan

__all__ = ["Plan", "fingerprint", "write_plan"]


def __getattr__(name: str) -> Any:
    """Import a name on first use, since planning imports torch."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from convsweep.planning import plan

    return getattr(plan, name)
