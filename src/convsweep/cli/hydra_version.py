"""Differences between the APIs of Hydra 1.3 and 1.4."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import hydra
from hydra import utils

IS_1_3 = hydra.__version__.startswith("1.3")


def main_options() -> dict[str, Any]:
    """Return the arguments of `hydra.main` that select the version's behaviour; Hydra 1.4 accepts
    only its own.
    """
    return {"version_base": "1.3"} if IS_1_3 else {}


def own_configs_may_name_any_class() -> AbstractContextManager[Any]:
    """Return a context in which `instantiate` may call any target that a config names, such as a
    user's own classes.

    Hydra 1.4 requires a list of trusted classes or this opt-out. A config on the user's own disk is
    trusted as the user's code.
    """
    if IS_1_3:
        return nullcontext()
    of_1_4: Any = utils
    trusted: AbstractContextManager[Any] = of_1_4.execution_whitelist(
        of_1_4.UNSAFE_DISABLE_EXECUTION_CHECKS
    )
    return trusted
