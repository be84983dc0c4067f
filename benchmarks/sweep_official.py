"""The forty trainings of sweep_bare.py by hydra-optuna-sweeper and the usual Lightning recipe.

PYTHON_WITH_HYDRA_1.4 benchmarks/sweep_official.py -m hydra.sweeper.n_jobs=4
"""

import io
import os
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "src")]
CONFIG: dict[str, Any] = {
    "defaults": [
        {"override hydra/sweeper": "optuna"},
        {"override hydra/sweeper/sampler": "grid"},
        {"override hydra/launcher": "joblib"},
        "_self_",
    ],
    "seed": 0,
    "hydra": {
        "sweeper": {"n_trials": 40, "direction": "maximize", "params": {"seed": "range(0,40)"}},
        "launcher": {"n_jobs": "${hydra.sweeper.n_jobs}"},
    },
}
ConfigStore.instance().store(name="config", node=CONFIG)


@hydra.main(version_base=None, config_path=None, config_name="config")
def main(cfg: DictConfig) -> float:
    """Train once and return the validation accuracy."""
    from hydra.core.global_hydra import GlobalHydra

    GlobalHydra.instance().clear()
    os.environ["WANDB_MODE"] = "offline"
    from clock import Clock
    from steps import build_case
    from usual_recipe import train

    made = build_case([f"seed={cfg.seed}", "trainer.max_epochs=12", "trainer=cpu", "test=false"])
    printed = io.StringIO()
    with redirect_stdout(printed):
        train(*made, Clock())
    import json

    return float(json.loads(printed.getvalue().splitlines()[-1])["accuracy"])


if __name__ == "__main__":
    main()
