"""What Hydra 1.3 and 1.4 ask for in different words."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import hydra
from hydra import utils

IS_1_3 = hydra.__version__.startswith("1.3")


def main_options() -> dict[str, Any]:
    """Return the arguments of `hydra.main` that say which version's behaviour is meant: 1.4 knows
    only its own.
    """
    return {"version_base": "1.3"} if IS_1_3 else {}


def own_configs_may_name_any_class() -> AbstractContextManager[Any]:
    """Let `instantiate` call whatever a config names, which is how a user's own classes come in.

    Hydra 1.4 asks for a list of trusted classes or for this word. A config on the user's own disk
    is the user's code.
    """
    if IS_1_3:
        return nullcontext()
    of_1_4: Any = utils
    trusted: AbstractContextManager[Any] = of_1_4.execution_whitelist(
        of_1_4.UNSAFE_DISABLE_EXECUTION_CHECKS
    )
    return trusted
