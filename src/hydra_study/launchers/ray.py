"""The launcher `ray`: workers as tasks of Ray, on this machine or a cluster."""

import os
from collections.abc import Sequence

from hydra.core.utils import JobReturn
from omegaconf import OmegaConf

from hydra_study.interrupts import Interrupts
from hydra_study.launchers.workers import Workers
from hydra_study.sweep_spec import SweepSpec

# Default size of Ray's object store in bytes; the same as the launcher's.
_RAY_STORE = 78_643_200


class RayWorkers(Workers):
    """Workers as tasks of Ray."""

    launcher = "hydra_plugins.hydra_ray_launcher.ray_launcher.RayLauncher"
    package, extra = "hydra_plugins.hydra_ray_launcher", "ray"

    def launch(
        self, spec: SweepSpec, jobs: list[list[str]], first: int, interrupts: Interrupts
    ) -> Sequence[JobReturn]:
        """Start or join Ray, then start the workers.

        `ray.init` installs a SIGTERM handler that kills the workers, so it is called here, and ours
        is installed after it.
        """
        # under `uv run`, Ray would otherwise run the workers in a copy of the whole folder
        os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
        import ray

        if not ray.is_initialized():
            options = OmegaConf.to_container(spec.config.hydra.launcher.ray.init, resolve=True)
            assert isinstance(options, dict)
            ray.init(**{"object_store_memory": _RAY_STORE, **options})
        interrupts.install()
        return super().launch(spec, jobs, first, interrupts)
